import type { Command, Option } from 'commander';

/** A completion script made from the program itself: verbs, flags, and the choices of flags that have some. */
export function completionScript(shell: 'bash' | 'zsh' | 'fish', program: Command): string {
  const verbs = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    options: command.options.filter(({ long }) => long !== undefined),
  }));
  return { bash, zsh, fish }[shell](verbs);
}

interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Option[];
}

const flags = ({ options }: Verb): string => options.map(({ long }) => long).join(' ');

/** `--into` takes `empty | append | …`: the words that its description or its choices list. */
const choices = ({ argChoices, description }: Option): readonly string[] =>
  argChoices ?? /(?:^|: )([a-z-]+(?: \| [a-z-]+)+)$/.exec(description)?.[1]?.split(' | ') ?? [];

const optionsWithChoices = (verbs: readonly Verb[]): ReadonlyMap<string, readonly string[]> =>
  new Map(
    verbs.flatMap(({ options }) =>
      options.flatMap((option) => (option.long && choices(option).length > 0 ? [[option.long, choices(option)]] : [])),
    ),
  );

function bash(verbs: readonly Verb[]): string {
  const values = [...optionsWithChoices(verbs)].map(
    ([flag, words]) => `    ${flag}) COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$word")); return ;;`,
  );
  const cases = verbs.map((verb) => `    ${verb.name}) words='${flags(verb)}' ;;`);
  return `# waybill completion for bash
_waybill() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words
  case $before in
${values.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${verbs.map(({ name }) => name).join(' ')} help --help --version' -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$words --help" -- "$word")); else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _waybill waybill`;
}

function zsh(verbs: readonly Verb[]): string {
  const quote = (text: string): string => text.replace(/'/g, "'\\''").replace(/[:[\]]/g, '\\$&');
  const cases = verbs.map(({ name, options }) => {
    const specs = options.map((option) => {
      const words = choices(option);
      const value = option.required ? (words.length > 0 ? `:value:(${words.join(' ')})` : ':value:_files') : '';
      const repeat = /may be repeated/.test(option.description) ? '*' : '';
      return `'${repeat}${option.long}[${quote(option.description)}]${value}'`;
    });
    return `    ${name}) _arguments ${[...specs, "'*:file:_files'"].join(' ')} ;;`;
  });
  return `#compdef waybill
# waybill completion for zsh
_waybill() {
  if (( CURRENT == 2 )); then
    local -a verbs=(${verbs.map(({ name, summary }) => `'${name}:${quote(summary)}'`).join(' ')})
    _describe verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${cases.join('\n')}
  esac
}
compdef _waybill waybill`;
}

function fish(verbs: readonly Verb[]): string {
  const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  return [
    '# waybill completion for fish',
    ...verbs.map(
      ({ name, summary }) => `complete -c waybill -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
    ),
    ...verbs.flatMap(({ name, options }) =>
      options.map((option) => {
        const words = choices(option);
        const value = !option.required ? '' : words.length > 0 ? ` -x -a ${quote(words.join(' '))}` : ' -r';
        const seen = `-n '__fish_seen_subcommand_from ${name}'`;
        return `complete -c waybill ${seen} -l ${option.long?.slice(2)}${value} -d ${quote(option.description)}`;
      }),
    ),
  ].join('\n');
}
