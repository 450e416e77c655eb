import { writeFile } from 'node:fs/promises'
import { format } from 'prettier'
import { SECTIONS } from '../src/config/schema.ts'
import { notesOf } from '../src/config/setting.ts'
import { ERRORS } from '../src/domain/errors/error-table.ts'

const NOTE = '<!-- Written by `npm run docs`; edit the source instead. -->'

/** The generated pages: path to text, formatted like everything else here. */
export async function pages(): Promise<Map<string, string>> {
  const raw = { 'docs/config.md': configPage(), 'docs/errors.md': errorsPage() }
  const formatted = Object.entries(raw).map(
    async ([path, text]) => [path, await format(text, { parser: 'markdown' })] as const,
  )
  return new Map(await Promise.all(formatted))
}

function configPage(): string {
  const sections = Object.entries(SECTIONS).map(([title, settings]) => {
    const rows = Object.entries(settings).map(([name, schema]) => {
      const { meaning, expected, fallback } = notesOf(schema)
      return [`\`${name}\``, meaning, expected, fallback === '``' ? 'none' : fallback]
    })
    return `## ${title}\n\n${table(['Variable', 'Meaning', 'Expected', 'Default'], rows)}`
  })
  return `# Settings

${NOTE}

All settings are environment variables, read once at the start. An empty one counts as not set. When any is wrong,
the gateway prints every problem and exits with code 78; \`npm run --silent tg -- config check\` does the same
without starting.

${sections.join('\n\n')}
`
}

function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, rpc, owner, retryable, title, help }]) => {
    return [`\`${code}\``, `${status}`, `${rpc}`, owner, retryable ? 'yes' : 'no', `${title}. ${help}`]
  })
  return `# Errors

${NOTE}

REST answers errors as \`application/problem+json\` (RFC 9457) with the code in \`code\`; MCP answers them as JSON-RPC
errors with the same code in \`data.code\`. The owner is who has to act: the caller (\`client\`), whoever configures
the gateway (\`config\`), the MCP server behind it (\`upstream\`), or the gateway itself (\`gateway\`). Retryable means
that the same request may succeed later without a change. A tool that ran and failed is not an error of this table: it
is a result with \`isError\`.

${table(['Code', 'HTTP', 'JSON-RPC', 'Owner', 'Retryable', 'Meaning'], rows)}
`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(tableRow).join('\n')
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

if (import.meta.main) {
  for (const [path, text] of await pages()) await writeFile(new URL(`../${path}`, import.meta.url), text)
}
