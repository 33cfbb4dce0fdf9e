/**
 * The source with the contents of comments and string literals replaced by spaces, line by line as before, so that a
 * search finds code only. Template literals stay as they are, since they may hold code. It does not know regular
 * expression literals: a quote inside one blanks the rest of its line.
 */
export function blankComments(source: string): string {
  const pattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g;
  return source.replace(pattern, (found) => found.replace(/[^\n]/g, ' '));
}
