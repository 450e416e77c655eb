import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import { empty, state } from '../../markup/parts.ts'
import { table } from '../../markup/table.ts'
import { count, duration } from '../../markup/values.ts'
import { amount, text } from '../../visit/reading.ts'

/** The processes or endpoints of a server. */
export function instanceTable(instances: readonly JsonObject[]): Html {
  if (instances.length === 0)
    return empty('No instance is running', 'It starts with the first call, or when you start it.')
  return table(
    'Instances',
    [
      {
        title: 'Instance',
        kind: 'main',
        cell: (instance) =>
          html`${text(instance['id'])}${text(instance['url']) && html`<span class="note">${text(instance['url'])}</span>`}`,
      },
      { title: 'State', cell: (instance) => stateOf(instance, instances.length > 1) },
      { title: 'Process', cell: ({ pid }) => amount(pid)?.toString() },
      { title: 'Protocol', cell: ({ protocolVersion }) => text(protocolVersion) },
      { title: 'Calls in flight', kind: 'number', cell: ({ inFlight }) => count(amount(inFlight) ?? 0) },
      { title: 'Latency', kind: 'number', cell: ({ latencyMs }) => duration(amount(latencyMs)) },
      { title: 'Restarts', kind: 'number', cell: ({ restarts }) => count(amount(restarts) ?? 0) },
    ],
    instances,
  )
}

/** With the last error where there are others: that of a single one stands above the table. */
function stateOf(instance: JsonObject, isOneOfMany: boolean): Html {
  const name = text(instance['state']) ?? 'stopped'
  const shown = name === 'ready' && instance['health'] === 'unhealthy' ? 'unhealthy' : name
  const error = text(instance['lastError'])
  return html`${state(shown)}${isOneOfMany && error && shown !== 'ready' && html`<span class="note"> ${error}</span>`}`
}
