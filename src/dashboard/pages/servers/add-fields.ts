import { attribute, html, type Html } from '../../../domain/text/html.ts'
import { checkedButtons } from '../../markup/forms.ts'
import type { Look } from '../../markup/page.ts'

interface FieldOptions {
  readonly hint?: string
  readonly placeholder?: string | undefined
  readonly isRequired?: boolean
  readonly type?: string
  readonly list?: string
  /** What it has before somebody fills it in. */
  readonly value?: string | undefined
  /** The only values that it may have. */
  readonly choices?: readonly string[]
}

/** One line of a form, with its label and what it is for. */
export function field(name: string, title: string, form: URLSearchParams, options: FieldOptions): Html {
  const { hint, isRequired, choices = [], value = '' } = options
  const entered = form.get(name) ?? value
  return html`<div class="field">
    <label for="${name}"
      >${title}${isRequired === true && html`<span class="required"> required</span>`}</label
    >
    ${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${choices.length > 0 ? choiceOf(name, entered, options) : inputOf(name, entered, options)}
  </div>`
}

function inputOf(name: string, value: string, options: FieldOptions): Html {
  const { hint, placeholder, isRequired, type = 'text', list } = options
  return html`<input
    id="${name}"
    name="${name}"
    type="${type}"
    value="${value}"
    autocomplete="off"
    ${attribute('list', list)}${attribute('placeholder', placeholder)}${attribute('required', isRequired)}${attribute(
      'aria-describedby',
      hint && `${name}-hint`,
    )}
  />`
}

function choiceOf(name: string, value: string, { isRequired, choices = [], hint }: FieldOptions): Html {
  const describedBy = attribute('aria-describedby', hint && `${name}-hint`)
  return html`<select id="${name}" name="${name}" ${describedBy}>
    ${isRequired !== true && html`<option value="">not set</option>`}
    ${choices.map(
      (choice) =>
        html`<option value="${choice}" ${attribute('selected', choice === value)}>${choice}</option>`,
    )}
  </select>`
}

/** Some lines of a form. */
export function area(name: string, title: string, form: URLSearchParams, hint: string): Html {
  return html`<div class="field">
    <label for="${name}">${title}</label>
    <p class="hint" id="${name}-hint">${hint}</p>
    <textarea id="${name}" name="${name}" rows="2" spellcheck="false" aria-describedby="${name}-hint">
${form.get(name) ?? ''}</textarea>
  </div>`
}

/** Who may use a new server, and what it is. */
export function accessFields(form: URLSearchParams): Html {
  return html`${field('requiredRoles', 'Required roles', form, {
    hint: 'A caller needs one of them. Without any, everybody in the tenant may use the server.',
    placeholder: 'reader, support',
  })}
  ${field('description', 'Description', form, {})}`
}

/** Adding a server, seeing what that would do, or neither. @param here where the form goes */
export function addButtons(here: string, look: Look): Html {
  return checkedButtons({ title: 'Add the server', value: 'add', here, back: look.at('/dashboard/servers') })
}
