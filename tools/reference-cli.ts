/** Writes docs/cli.md from the help of each command. */
import { Command } from 'commander'
import { inOrder } from '../packages/rowpass/src/cli/main.ts'
import { nowhere } from './nowhere.ts'

const widthInColumns = 100

/** The page. */
export async function cliPage(): Promise<string> {
  const program = new Command('rowpass')
  for (const [name, { summary, load }] of inOrder()) {
    const command = (await load()).define(nowhere, () => undefined)
    if (command.name() !== name) throw new TypeError(`the command ${name} calls itself ${command.name()}`)
    program.addCommand(command.summary(summary))
  }
  const all = program.commands.flatMap(withSubcommands)
  const rows = program.commands.map((each) => `| [\`${fullName(each)}\`](#${anchorOf(each)}) | ${each.summary()} |`)
  return `# Commands

What each command prints with \`--help\`. The first screen of \`rowpass --help\` has the ones that people begin with; \`rowpass help all\`
has all of them. Results go to standard output, problems and progress to standard error. Exit codes: 0 done, 1 failed, 2 wrong
usage, 3 nothing runs in this folder; where a command has more, its help says so.

| command | does |
|---|---|
${rows.join('\n')}

${all.map((each) => `## ${fullName(each)}\n\n\`\`\`text\n${helpOf(each)}\n\`\`\``).join('\n\n')}
`
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`
}

function anchorOf(command: Command): string {
  return fullName(command).replaceAll(' ', '-')
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (written) => {
      text += written
    },
    getOutHelpWidth: () => widthInColumns,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trim()
}
