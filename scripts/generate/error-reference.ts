import { exitCodes } from '../../src/cli/exit-code.ts';
import { codes } from '../../src/model/codes.ts';

/** docs/errors.md from the table of codes. */
export function errorReference(): string {
  const exits = Object.entries(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`);
  const entries = Object.entries(codes).map(([code, { exit, http, retryable, help }]) =>
    [
      `## <a id="${code}"></a>${code}`,
      help,
      `Exit code ${exit} · HTTP ${http}${retryable ? ' · tried again on its own' : ''}`,
    ].join('\n\n'),
  );
  return `# Errors and exit codes

Made by scripts/generate.ts from src/model/codes.ts; do not edit.

Every error has a code. On a terminal it is printed with the message, the place and a hint; with \`--json\` as
\`{"error":{"code","message","hint","where","exit"}}\`. The exit code follows from the error's code.

| exit code | meaning |
| --- | --- |
${exits.join('\n')}

${entries.join('\n\n')}
`;
}
