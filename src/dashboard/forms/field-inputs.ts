import { attribute, html, type Html } from '../../domain/text/html.ts'
import { type Field, fieldName } from './schema-fields.ts'

/** What was entered before, and what was wrong with it. */
export interface Entered {
  readonly values: URLSearchParams
  readonly problems: ReadonlyMap<string, string>
}

const NOTHING: Entered = { values: new URLSearchParams(), problems: new Map() }
const FORMATS: Readonly<Record<string, string>> = { email: 'email', uri: 'url', date: 'date', time: 'time' }

/** The inputs for the fields of a schema, each with its label, its description and what is wrong with it. */
export function inputsOf(fields: readonly Field[], entered: Entered = NOTHING): Html {
  return html`${fields.map((field) => (field.kind === 'group' ? group(field, entered) : input(field, entered)))}`
}

function group(field: Field, entered: Entered): Html {
  return html`<fieldset>
    <legend>${field.title}${required(field)}</legend>
    ${field.description && html`<p class="hint">${field.description}</p>`} ${inputsOf(field.fields, entered)}
  </fieldset>`
}

function input(field: Field, { values, problems }: Entered): Html {
  const name = fieldName(field)
  const problem = problems.get(name)
  const hint = field.description ?? hintOf(field)
  const described = [hint && `${name}-hint`, problem && `${name}-problem`].filter(Boolean).join(' ')
  const attributes = html`${attribute('id', name)}${attribute('name', name)}${attribute(
    'aria-describedby',
    described === '' ? undefined : described,
  )}${attribute('aria-invalid', problem === undefined ? undefined : 'true')}`
  return html`<div class="field">
    <label for="${name}">${field.title}${required(field)} <span class="type">${typeText(field)}</span></label>
    ${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${control(field, values.get(name) ?? field.initial, attributes)}
    ${problem && html`<p class="wrong" id="${name}-problem">${problem}</p>`}
  </div>`
}

function required({ isRequired }: Field): Html {
  return isRequired ? html`<span class="required"> required</span>` : html``
}

function control(field: Field, value: string, given: Html): Html {
  const { kind, isRequired, schema } = field
  const attributes = html`${given}${attribute('required', isRequired)}`
  if (kind === 'choice') return choice(field, value, attributes)
  if (kind === 'boolean') return yesOrNo(value, attributes)
  if (kind === 'integer' || kind === 'number') {
    const step = kind === 'integer' ? '1' : 'any'
    return html`<input type="number" step="${step}" value="${value}" ${attributes}${bounds(schema)} />`
  }
  if (kind === 'text') {
    const type = FORMATS[String(schema['format'])] ?? 'text'
    return html`<input type="${type}" value="${value}" autocomplete="off" ${attributes}${lengths(schema)} />`
  }
  // A browser drops the first line break of a text area.
  return html`<textarea
    rows="${kind === 'long' ? 3 : 2}"
    spellcheck="${kind === 'long' ? 'true' : 'false'}"
    ${attributes}
  >
${value}</textarea>`
}

function yesOrNo(value: string, attributes: Html): Html {
  return html`<select${attributes}>
    <option value="">not set</option>
    <option value="true"${attribute('selected', value === 'true')}>true</option>
    <option value="false"${attribute('selected', value === 'false')}>false</option>
  </select>`
}

/** Choices are numbered, because they need not be texts. */
function choice({ choices, isRequired }: Field, value: string, attributes: Html): Html {
  return html`<select${attributes}>
    ${!isRequired && html`<option value="">not set</option>`}
    ${choices.map(
      (each, index) =>
        html`<option value="${index}" ${attribute('selected', String(index) === value)}>
          ${typeof each === 'string' ? each : JSON.stringify(each)}
        </option>`,
    )}
  </select>`
}

function bounds({ minimum, maximum }: Field['schema']): Html {
  return html`${attribute('min', finite(minimum))}${attribute('max', finite(maximum))}`
}

function lengths({ minLength, maxLength }: Field['schema']): Html {
  return html`${attribute('minlength', finite(minLength))}${attribute('maxlength', finite(maxLength))}`
}

function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function typeText({ kind, schema }: Field): string {
  if (kind === 'choice') return 'choice'
  if (kind === 'lines') return 'list'
  return typeof schema['type'] === 'string' ? schema['type'] : 'any value'
}

function hintOf({ kind }: Field): string | undefined {
  if (kind === 'lines') return 'One entry per line'
  return kind === 'json' ? 'As JSON' : undefined
}
