import { attribute, html, type Html, type Part } from '../../domain/text/html.ts'
import { csrfField } from './layout.ts'

/** A form whose answer replaces the page, without loading what is around it again. */
export function pageForm(
  { csrfToken }: { readonly csrfToken: string },
  { action, className }: { readonly action: string; readonly className?: string },
  body: Part,
): Html {
  return html`<form${attribute('class', className)}
    method="post"
    action="${action}"
    hx-post="${action}"
    hx-target="#main"
    hx-select="#main"
    hx-swap="outerMorph"
  >
    ${csrfField(csrfToken)}${body}
  </form>`
}

/**
 * Doing what a form describes, seeing before what that would do, or neither.
 * @param options.here where the form goes
 * @param options.back where the page without it is
 */
export function checkedButtons(options: {
  readonly title: string
  readonly value: string
  readonly here: string
  readonly back: string
}): Html {
  const { title, value, here, back } = options
  return html`<div class="row">
    <button class="primary" type="submit" name="action" value="${value}">${title}</button>
    <button
      type="submit"
      name="action"
      value="check"
      hx-post="${here}"
      hx-target="#outcome"
      hx-select="#outcome"
      hx-swap="outerHTML show:top"
    >
      Check first
    </button>
    <a class="button" href="${back}">Cancel</a>
  </div>`
}
