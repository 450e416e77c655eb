import type { JsonObject } from '../../domain/json/json.ts'
import { fieldsOf } from '../forms/schema-fields.ts'
import { argumentsOf } from '../forms/field-values.ts'
import { inputsOf } from '../forms/field-inputs.ts'
import { html, type Html, type Part } from '../../domain/text/html.ts'
import { csrfField } from '../markup/layout.ts'
import type { Page } from '../markup/page.ts'
import { empty, facts, live, notice, pageHead, panel, state } from '../markup/parts.ts'
import { table } from '../markup/table.ts'
import { ago, duration } from '../markup/values.ts'
import { object, pretty, rows, text } from '../visit/reading.ts'
import { segment } from '../visit/rest-client.ts'
import { problemNotice } from '../visit/problem-notice.ts'
import type { Answer, PageRoute, Visit } from '../visit/visit.ts'

/** The pipelines of the person: running them, and what became of that. */
export function pipelinePages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/pipelines', answer: listPage },
    { method: 'get', path: '/pipelines/runs/:id', answer: (visit) => runPage(visit) },
    { method: 'post', path: '/pipelines/runs/:id', answer: cancel },
    { method: 'get', path: '/pipelines/:name', answer: (visit) => pipelinePage(visit) },
    { method: 'post', path: '/pipelines/:name', hasLargeForm: true, answer: begin },
  ]
}

async function listPage({ rest, look }: Visit): Promise<Page> {
  const [{ pipelines }, { runs }] = await Promise.all([
    rest.get('/v1/pipelines'),
    rest.get('/v1/pipeline-runs'),
  ])
  const found = rows(pipelines)
  const here = look.at('/dashboard/pipelines')
  const body = html`
    ${pageHead('Pipelines', { about: 'Declared chains of calls. Each is a tool, with access rules like any other.' })}
    ${panel(
      'Pipelines',
      found.length === 0
        ? empty(
            'There are no pipelines that you can use',
            'An operator writes them under pipelines: in the registry; see docs/pipelines.md.',
          )
        : table(
            'Pipelines',
            [
              {
                title: 'Pipeline',
                kind: 'main',
                cell: ({ name }) => html`<a href="${here}/${segment(text(name) ?? '')}">${text(name)}</a>`,
              },
              { title: 'What it does', kind: 'wide', cell: ({ description }) => text(description) },
              { title: 'Tool', cell: ({ tool }) => html`<code>${text(tool)}</code>` },
            ],
            found,
          ),
    )}
    ${live(
      html`
        ${panel('Your runs', runTable(rows(runs), look), { aside: 'Of this process, for 15 minutes after their end' })}
      `,
      { address: here, seconds: 3 },
    )}
  `
  return { title: 'Pipelines', section: 'pipelines', body }
}

function runTable(runs: readonly JsonObject[], look: Visit['look']): Html {
  if (runs.length === 0) return empty('You have not run a pipeline yet')
  return table(
    'Your runs',
    [
      {
        title: 'Pipeline',
        kind: 'main',
        cell: (run) =>
          html`<a href="${look.at(`/dashboard/pipelines/runs/${segment(text(run['id']) ?? '')}`)}"
            >${text(run['pipeline'])}</a
          >`,
      },
      { title: 'State', cell: (run) => stateOf(text(run['status'])) },
      { title: 'Steps', kind: 'number', cell: ({ steps }) => progress(rows(steps)) },
      { title: 'Took', kind: 'number', cell: (run) => tookOf(run, look.nowMs) },
      { title: 'Started', kind: 'number', cell: ({ startedAt }) => ago(text(startedAt), look.nowMs) },
    ],
    runs,
  )
}

async function pipelinePage(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look, params, csrfToken, form } = visit
  const name = params['name'] ?? ''
  const tool = (await toolOf(visit)) ?? {}
  const shown = await rest.get(`/v1/pipelines/${segment(name)}`)
  const here = look.at(`/dashboard/pipelines/${segment(name)}`)
  const fields = fieldsOf(tool['inputSchema'])
  const body = html`
    ${pageHead(name, {
      back: html`<a href="${look.at('/dashboard/pipelines')}">Pipelines</a>`,
      about: text(tool['description']),
    })}
    <div id="outcome" class="stack">${said}</div>
    ${panel(
      'Run it',
      html`<form class="stack" method="post" action="${here}">
        ${csrfField(csrfToken)}
        ${fields.length === 0 ? html`<p class="muted">It takes no arguments.</p>` : inputsOf(fields, { values: form, problems: new Map() })}
        <div class="row"><button class="primary" type="submit">Run</button></div>
      </form>`,
    )}
    ${
      shown['document'] !== undefined &&
      panel('Document', html`<pre class="code scroll" tabindex="0">${pretty(shown['document'])}</pre>`)
    }
  `
  return { title: name, section: 'pipelines', body }
}

async function begin(visit: Visit): Promise<Answer> {
  const { rest, params, form } = visit
  const { arguments: args, problems } = argumentsOf(fieldsOf((await toolOf(visit))?.['inputSchema']), form)
  if (problems.size > 0)
    return pipelinePage(visit, notice('bad', `Not run: ${[...problems.values()].join('; ')}`))
  try {
    const started = await rest.post(
      `/v1/pipelines/${segment(params['name'] ?? '')}`,
      { arguments: args },
      { prefer: 'respond-async' },
    )
    return { to: `/dashboard/pipelines/runs/${segment(text(started['id']) ?? '')}` }
  } catch (error) {
    return pipelinePage(visit, problemNotice(error))
  }
}

/** A pipeline as its callers see it, with the schema of its arguments. */
async function toolOf({ rest, params }: Visit): Promise<JsonObject | undefined> {
  return rows((await rest.get('/v1/pipelines'))['pipelines']).find(({ name }) => name === params['name'])
}

async function cancel(visit: Visit): Promise<Page> {
  try {
    await visit.rest.delete(`/v1/pipelines/runs/${segment(visit.params['id'] ?? '')}`)
    return await runPage(visit)
  } catch (error) {
    return runPage(visit, problemNotice(error))
  }
}

async function runPage(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look, params } = visit
  const found = await rest.get(`/v1/pipelines/runs/${segment(params['id'] ?? '')}`)
  const isRunning = found['status'] === 'running'
  const here = look.at(`/dashboard/pipelines/runs/${segment(params['id'] ?? '')}`)
  const error = object(found['error'])
  const body = html`
    ${pageHead(`Run of ${text(found['pipeline']) ?? ''}`, {
      back: html`<a href="${look.at('/dashboard/pipelines')}">Pipelines</a>`,
    })}
    <div id="outcome" class="stack">${said}</div>
    ${live(
      html`
        ${panel(
          'State',
          facts([
            ['State', stateOf(text(found['status']))],
            ['Took', tookOf(found, look.nowMs)],
            ['Started', ago(text(found['startedAt']), look.nowMs)],
            ['Run', html`<code>${text(found['id'])}</code>`],
          ]),
          { aside: isRunning && cancelForm(visit, here) },
        )}
        ${text(error['code']) !== undefined && notice('bad', text(error['message']), html`<p class="muted"><code>${text(error['code'])}</code></p>`)}
        ${panel('Steps', stepTable(rows(found['steps']), look.nowMs))}
        ${
          found['result'] !== undefined &&
          panel('Result', html`<pre class="code scroll" tabindex="0">${pretty(found['result'])}</pre>`)
        }
      `,
      { address: here, seconds: isRunning ? 1 : undefined },
    )}
  `
  return { title: 'Run of a pipeline', section: 'pipelines', body }
}

function cancelForm({ csrfToken }: Visit, here: string): Html {
  return html`<form method="post" action="${here}">
    ${csrfField(csrfToken)}<button class="danger" type="submit">Cancel</button>
  </form>`
}

function stepTable(steps: readonly JsonObject[], nowMs: number): Html {
  return table(
    'Steps',
    [
      { title: 'Step', kind: 'main', cell: ({ id }) => text(id) },
      { title: 'State', cell: ({ status }) => stateOf(text(status)) },
      { title: 'Took', kind: 'number', cell: (step) => tookOf(step, nowMs) },
      {
        title: 'Error',
        kind: 'wide',
        cell: ({ error }) => text(error) ?? text(object(error)['message']) ?? text(object(error)['code']),
      },
    ],
    steps,
  )
}

function stateOf(status = 'pending'): Html {
  if (status === 'succeeded') return state(status, 'good')
  return status === 'pending' || status === 'skipped' ? state(status, 'calm') : state(status)
}

function progress(steps: readonly JsonObject[]): string {
  const done = steps.filter(({ status }) => status === 'succeeded' || status === 'skipped').length
  return `${done} of ${steps.length}`
}

/** From its start to its end, or until now. */
function tookOf({ startedAt, endedAt }: JsonObject, nowMs: number): string {
  const start = text(startedAt)
  if (start === undefined) return '–'
  const end = text(endedAt)
  return duration(Math.max(0, (end === undefined ? nowMs : Date.parse(end)) - Date.parse(start)))
}
