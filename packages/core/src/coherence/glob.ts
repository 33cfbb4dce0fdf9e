const NUL = 0;
const COLON = 0x3a;

/**
 * Globs over scoped keys: `*` stands for any run of characters, `?` for one, `\` takes the meaning of the next character
 * away. A glob of the root never reaches into a namespace.
 *
 * Matching walks both texts once and steps back to the last `*` only, so its worst case is the product of the lengths,
 * whatever the pattern.
 */
export function matchesGlob(glob: string, key: string): boolean {
  let at = 0;
  if (key.charCodeAt(0) === NUL && glob.charCodeAt(0) !== NUL) {
    // Keys of the root that begin with NUL stand in the empty scope; any other scope is a namespace.
    if (key.charCodeAt(1) !== COLON) return false;
    at = 2;
  }
  let inGlob = 0;
  let star = -1;
  let starAt = 0;
  while (at < key.length) {
    const token = glob[inGlob];
    const isEscaped = token === '\\' && inGlob + 1 < glob.length;
    if (token === '*') {
      star = inGlob++;
      starAt = at;
    } else if (token === '?' || (isEscaped ? glob[inGlob + 1] : token) === key[at]) {
      inGlob += isEscaped ? 2 : 1;
      at++;
    } else if (star !== -1) {
      inGlob = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (glob[inGlob] === '*') inGlob++;
  return inGlob === glob.length;
}
