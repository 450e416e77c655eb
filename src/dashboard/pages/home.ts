import { publicPath } from '../../domain/public-path.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { html, type Html } from '../../domain/text/html.ts'
import { copyable, panel } from '../markup/parts.ts'
import { counted } from '../markup/values.ts'
import { object, rows, text } from '../visit/reading.ts'
import type { Look } from '../markup/page.ts'
import type { Visit } from '../visit/visit.ts'
import { clientSnippets } from './client-snippets.ts'
import { callForm, callOutcome, formStateOf } from './tools/call-form.ts'
import { resultPlace, toolPath } from './tools/tool-pages.ts'

const LISTED = 200

interface HomeOptions {
  /** Undefined if no one is signed in. */
  readonly visit: Visit | undefined
  readonly look: Look
  readonly publicUrl: string
}

/** `/` for people: what this is, how a client connects, and a tool to try. */
export async function homeBody({ visit, look, publicUrl }: HomeOptions): Promise<Html> {
  const address = new URL(publicPath(publicUrl, '/mcp'), publicUrl).href
  return html`
    <div class="head hero">
      <div>
        <h1>One endpoint for your MCP servers</h1>
        <p>
          Tool Gateway connects your agents to every tool that you may use, under one address. It knows who
          calls, shows only what they may use, and records each call.
        </p>
      </div>
      <div class="buttons">
        ${
          visit === undefined
            ? html`<a class="button primary" href="${look.at('/signin?return=%2F')}">Sign in</a>`
            : html`<a class="button primary" href="${look.at('/dashboard')}">Open the dashboard</a>`
        }
      </div>
    </div>
    ${panel(
      'Address',
      html`${copyable(address, 'the address')}
        <p class="muted">Paste it into any MCP client. The client asks you to sign in when it connects.</p>`,
    )}
    ${visit === undefined ? signInFirst(look) : await tryTool(visit)}
    ${panel('Set up a client', clientSnippets(address))}
    <p class="muted small">
      For programs: <a href="${look.at('/v1/tools')}"><code>/v1/tools</code></a> is the same over REST;
      <a href="${look.at('/docs/api')}">try it</a>. <a href="${look.at('/docs')}">Documentation</a>
    </p>
  `
}

function signInFirst(look: Look): Html {
  return panel(
    'Try a tool',
    html`<p>Sign in, and call one of your tools from this page.</p>
      <p class="buttons">
        <a class="button" href="${look.at('/signin?return=%2F')}">Sign in to try a tool</a>
      </p>`,
  )
}

/** A form of one tool; the person chooses another one in the list. */
async function tryTool(visit: Visit): Promise<Html> {
  const { rest, look, query } = visit
  const tools = rows((await rest.get('/v1/tools', { limit: LISTED }))['tools'])
  const asked = query.get('tool')
  const tool = tools.find(({ id }) => id === asked) ?? easiest(tools)
  if (tool === undefined)
    return panel(
      'Try a tool',
      html`<p>
        You have no tools yet. <a href="${look.at('/dashboard')}">The dashboard</a> shows what the servers do.
      </p>`,
    )
  const state = formStateOf(tool, visit)
  const here = look.at('/')
  return html`<section class="columns" id="try">
    ${panel(
      'Try a tool',
      html`
        <form
          action="${here}"
          hx-get="${here}"
          hx-trigger="change"
          hx-target="#try"
          hx-select="#try"
          hx-swap="outerHTML ignoreTitle:true"
        >
          <label class="field"
            ><span>Tool</span
            ><select name="tool">
              ${tools.map(({ id }) => html`<option${id === tool['id'] && html` selected`}>${text(id)}</option>`)}
            </select></label
          >
          <noscript><button type="submit">Choose</button></noscript>
        </form>
        ${text(tool['description']) && html`<p class="muted">${text(tool['description'])}</p>`}
        ${callForm(visit, look.at(toolPath(tool)), state)}
      `,
      { aside: html`<a href="${look.at('/dashboard/tools')}">All ${counted(tools.length, 'tool')}</a>` },
    )}
    <div id="result" class="stack" aria-live="polite">
      ${(await callOutcome(visit, '', state)) ?? resultPlace()}
    </div>
  </section>`
}

/** The tool that a person can call at once: it only reads or calculates, and needs little to be filled in. */
function easiest(tools: readonly JsonObject[]): JsonObject | undefined {
  return tools.toSorted((one, other) => effortOf(one) - effortOf(other))[0]
}

function effortOf({ id, annotations, inputSchema }: JsonObject): number {
  const { required } = object(inputSchema)
  const needed = Array.isArray(required) ? required.length : 0
  const isSafe = object(annotations)['readOnlyHint'] === true
  return needed + (isSafe ? 0 : 5) + (/echo|sum|list|read/.test(text(id) ?? '') ? 0 : 2)
}
