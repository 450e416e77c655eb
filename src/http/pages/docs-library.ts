import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import type { Tokens } from 'marked'
import { Html, html } from '../../domain/text/html.ts'

/** A page of the documentation. */
export interface DocsPage {
  /** Its file below the folder: `clients/README.md`. */
  readonly file: string
  /** Path below `/docs`, without a slash at either end: `registry`, `clients/cursor`; empty for the index. */
  readonly path: string
  /** Its first heading. */
  readonly title: string
  /** Its first sentence, as text. */
  readonly summary: string
  readonly markdown: string
}

const INDEX = 'README.md'

/**
 * The pages of a folder and the folders in it, by path. What is asked for is looked up here and nowhere on the disk, so that no
 * path leads out of the folder. Without the folder there are none.
 */
export function readPages(folder: string): ReadonlyMap<string, DocsPage> {
  return new Map(
    filesOf(folder).map((file) => {
      const markdown = readFileSync(join(folder, file), 'utf8')
      return [pathOf(file), { file, path: pathOf(file), ...headOf(markdown), markdown }]
    }),
  )
}

/** The HTML of a page: links to other pages lead below `base`, those to other files of the project are text. */
export async function renderDocs(
  page: DocsPage,
  pages: ReadonlyMap<string, DocsPage>,
  base: string,
): Promise<Html> {
  const { Marked } = await import('marked') // few gateways are asked for a page
  const marked = new Marked({
    renderer: {
      // Nothing of the pages is markup but what Markdown makes of them.
      html: ({ text }) => html`${text}`.toString(),
      image: ({ text }) => html`${text}`.toString(),
      heading({ tokens, depth, text }) {
        const level = new Html(`h${depth}`)
        const content = new Html(this.parser.parseInline(tokens))
        return html`<${level} id="${anchorOf(text)}">${content}</${level}>`.toString()
      },
      link({ href, tokens }: Tokens.Link) {
        const content = new Html(this.parser.parseInline(tokens))
        const target = targetOf(href, page, pages, base)
        return (target === undefined ? content : html`<a href="${target}">${content}</a>`).toString()
      },
    },
  })
  return new Html(marked.parse(page.markdown, { async: false }))
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map(({ parentPath, name }) =>
        join(parentPath, name)
          .slice(folder.length + 1)
          .replaceAll(sep, '/'),
      )
      .toSorted()
  } catch {
    return []
  }
}

function pathOf(file: string): string {
  const folder = posix.dirname(file)
  if (posix.basename(file) === INDEX) return folder === '.' ? '' : folder
  return file.replace(/\.md$/, '')
}

function headOf(markdown: string): Pick<DocsPage, 'title' | 'summary'> {
  const blocks = markdown.split(/\n{2,}/).map((block) => block.trim())
  const title = blocks.find((block) => block.startsWith('# '))?.slice(2) ?? ''
  const paragraph = blocks.find((block) => /^[A-Za-z`[*]/.test(block)) ?? ''
  const text = paragraph.replaceAll(/\s+/g, ' ').replaceAll(/\[([^\]]{0,200})\]\([^)]{0,300}\)/g, '$1')
  return { title: plain(title), summary: plain(/^.*?[.:](?= |$)/.exec(text)?.[0] ?? text).replace(/:$/, '.') }
}

function plain(text: string): string {
  return text.replaceAll(/[`*]/g, '')
}

/** The anchor that GitHub gives a heading, which links between the pages name. */
function anchorOf(heading: string): string {
  return plain(heading)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-')
}

/** Where a link leads, or undefined if that is nowhere here. */
function targetOf(
  href: string,
  { file }: DocsPage,
  pages: ReadonlyMap<string, DocsPage>,
  base: string,
): string | undefined {
  if (/^(https?:|mailto:|#)/.test(href)) return href
  const [linked = '', anchor] = href.split('#')
  const target = pathOf(posix.join(posix.dirname(file), linked))
  if (!pages.has(target)) return undefined
  return `${base}${target === '' ? '' : `/${target}`}${anchor === undefined ? '' : `#${anchor}`}`
}
