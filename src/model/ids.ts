/** Run ids sort by time and are short enough to type: `r` + base-36 milliseconds + 4 random characters. */
export const runId = (now: number, random: number): string =>
  `r${now.toString(36)}${Math.floor(random * 36 ** 4)
    .toString(36)
    .padStart(4, '0')}`;
