/** Type-checks and runs the TypeScript blocks of all documents. `npm test` does the same, one test a block. */
import { findRedis, runCommand } from './servers/index.ts';
import { checkSnippets, collectSnippets, runSnippet } from './snippets.ts';

await runCommand(async () => {
  const snippets = collectSnippets();
  const checked = await checkSnippets(snippets);
  if (!checked.ok) console.error(checked.output);

  let failures = checked.ok ? 0 : 1;
  for (const snippet of snippets.filter(({ run }) => run)) {
    await using redis = await findRedis();
    const { ok, output } = await runSnippet(snippet, redis.url);
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${snippet.place}`);
    if (!ok) console.error(output);
    failures += ok ? 0 : 1;
  }
  console.log(`${snippets.length} snippets checked`);
  return failures === 0 ? 0 : 1;
});
