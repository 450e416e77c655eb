import { attribute, html, type Html, type Part } from '../../domain/text/html.ts'

/** How a state is meant: colour and a mark that does not need the colour. */
export type Tone = 'good' | 'busy' | 'bad' | 'calm'

const TONES: Readonly<Record<string, Tone>> = {
  ready: 'good',
  ok: 'good',
  healthy: 'good',
  done: 'good',
  allow: 'good',
  starting: 'busy',
  pending: 'busy',
  draining: 'busy',
  half_open: 'busy',
  running: 'busy',
  tool_error: 'busy',
  cancelled: 'calm',
  backing_off: 'bad',
  failed: 'bad',
  open: 'bad',
  unhealthy: 'bad',
  quarantined: 'bad',
  error: 'bad',
  denied: 'bad',
  deny: 'bad',
}

/** The head of a page: what it is, one sentence on it, and what can be done. */
export function pageHead(title: string, options: { about?: Part; actions?: Part; back?: Part } = {}): Html {
  return html`<div class="head">
    <div>
      ${options.back && html`<p class="back">${options.back}</p>`}
      <h1>${title}</h1>
      ${options.about && html`<p class="about">${options.about}</p>`}
    </div>
    ${options.actions && html`<div class="buttons">${options.actions}</div>`}
  </div>`
}

/** A part of a page under a heading. */
export function panel(title: string, body: Part, options: { aside?: Part; id?: string } = {}): Html {
  return html`<section class="panel" ${attribute('id', options.id)}>
    <div class="panel-head">
      <h2>${title}</h2>
      ${options.aside && html`<div class="aside">${options.aside}</div>`}
    </div>
    ${body}
  </section>`
}

/** A part of a page that is read again from `address` every few seconds while one looks; a still one is not. */
export function live(
  body: Part,
  { address, seconds }: { address: string; seconds: number | undefined },
): Html {
  const again =
    seconds !== undefined &&
    html`data-live hx-get="${address}" hx-trigger="every ${seconds}s" hx-select="#live" hx-swap="outerMorph
    ignoreTitle:true"`
  return html`<div id="live" class="stack" ${again}>${body}</div>`
}

/** A state in words, with its tone. */
export function state(name: string, tone: Tone = TONES[name] ?? 'calm'): Html {
  return html`<span class="state ${tone}">${name.replaceAll('_', ' ')}</span>`
}

/** What stands in the place of a list without entries, and what to do about it. */
export function empty(title: string, advice?: Part): Html {
  return html`<div class="empty">
    <p class="empty-title">${title}</p>
    ${advice && html`<p class="muted">${advice}</p>`}
  </div>`
}

/** One figure with its name. */
export function figure(name: Part, value: Part, note?: Part, tone?: Tone): Html {
  return html`<div class="figure${tone && ` ${tone}`}">
    <dt>${name}</dt>
    <dd>${value}</dd>
    ${note && html`<dd class="note">${note}</dd>`}
  </div>`
}

/** Names and values, one below the other. */
export function facts(entries: readonly (readonly [name: string, value: Part])[]): Html {
  const shown = entries.filter(([, value]) => value !== undefined && value !== false && value !== '')
  return html`<dl class="facts">
    ${shown.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`
}

/** A message that stays: what went well or wrong. */
export function notice(tone: Tone, title: Part, more?: Part): Html {
  return html`<div class="notice ${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">
    <p><b>${title}</b></p>
    ${more}
  </div>`
}

/** Text that can be copied with one button. */
export function copyable(text: string, label: string): Html {
  return html`<div class="copy">
    <pre tabindex="0"><code>${text}</code></pre>
    <button class="quiet" type="button" data-copy aria-label="Copy ${label}">Copy</button>
  </div>`
}

// oxlint-disable-next-line max-params
/** A choice of one value. @param isSent whether its form is sent as soon as something is chosen */
export function select(
  name: string,
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  chosen: string | undefined,
  isSent = false,
): Html {
  return html`<label class="field"
    ><span>${label}</span
    ><select name="${name}" ${attribute('data-send', isSent)}>
      ${options.map(
        ([value, text]) =>
          html`<option value="${value}" ${attribute('selected', value === chosen)}>${text}</option>`,
      )}
    </select></label
  >`
}
