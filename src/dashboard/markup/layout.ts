import type { Look, Page, Section } from './page.ts'
import { attribute, html, type Html, undisguised } from '../../domain/text/html.ts'
import { icon } from './icons.ts'

/** Who looks at a page. */
export interface Viewer {
  readonly subject: string
  readonly tenantId: string
  readonly csrfToken: string
  readonly sections: readonly Section[]
}

const SECTIONS: Readonly<Record<Section, { readonly title: string; readonly path: string }>> = {
  overview: { title: 'Overview', path: '/dashboard' },
  servers: { title: 'Servers', path: '/dashboard/servers' },
  tools: { title: 'Tools', path: '/dashboard/tools' },
  pipelines: { title: 'Pipelines', path: '/dashboard/pipelines' },
  approvals: { title: 'Approvals', path: '/dashboard/approvals' },
  access: { title: 'Access', path: '/dashboard/access' },
  activity: { title: 'Activity', path: '/dashboard/activity' },
  sessions: { title: 'Sessions', path: '/dashboard/sessions' },
  connections: { title: 'Connections', path: '/dashboard/connections' },
  caches: { title: 'Cache', path: '/dashboard/caches' },
  tenant: { title: 'Tenant', path: '/dashboard/tenant' },
}

/** The navigation: what belongs together stands together. */
const GROUPS: readonly (readonly [title: string, sections: readonly Section[]])[] = [
  ['', ['overview']],
  ['Run', ['servers', 'tools', 'pipelines']],
  ['Decide', ['approvals', 'access', 'connections']],
  ['Observe', ['activity', 'sessions', 'caches', 'tenant']],
]

/** htmx without its own styles, without history, and with attributes of one spelling. */
const HTMX = JSON.stringify({
  includeIndicatorCSS: false,
  history: false,
  prefix: '',
  defaultTimeout: 120_000,
})

/** A page of the dashboard with its navigation. */
export function dashboardPage(page: Page, viewer: Viewer, look: Look): Html {
  return documentOf(
    { title: page.title, className: 'app', csrfToken: viewer.csrfToken },
    look,
    html`
      <header class="top">
        <a class="brand" href="${look.at('/')}">${mark()}<span>Tool Gateway</span></a>
        <nav aria-label="Dashboard">
          ${GROUPS.map(([title, sections]) => {
            const seen = sections.filter((section) => viewer.sections.includes(section))
            return seen.length > 0 && navigationGroup(title, seen, page.section, look)
          })}
        </nav>
        <div class="person">
          ${themeButton(look)}
          <span class="who"><b>${viewer.subject}</b><span class="muted">${viewer.tenantId}</span></span>
          <form method="post" action="${look.at('/signout')}">
            ${csrfField(viewer.csrfToken)}<button class="quiet" type="submit">Sign out</button>
          </form>
        </div>
      </header>
      <main id="main" tabindex="-1">${page.body}</main>
    `,
  )
}

/** A page for everybody, without navigation. */
export function openPage(title: string, body: Html, look: Look, csrfToken?: string): Html {
  return documentOf(
    { title, className: 'open', csrfToken },
    look,
    html`
      <header class="top">
        <a class="brand" href="${look.at('/')}">${mark()}<span>Tool Gateway</span></a>
        <div class="person">${themeButton(look)}</div>
      </header>
      <main id="main" tabindex="-1">${body}</main>
    `,
  )
}

/** The hidden field that every form which writes has. */
export function csrfField(csrfToken: string): Html {
  return html`<input type="hidden" name="csrf" value="${csrfToken}" />`
}

function documentOf(
  of: { title: string; className: string; csrfToken: string | undefined },
  { asset, theme }: Look,
  body: Html,
): Html {
  const headers = of.csrfToken === undefined ? undefined : JSON.stringify({ 'x-csrf-token': of.csrfToken })
  return html`<!doctype html>
    <html lang="en" ${attribute('data-theme', theme)}>
      <head>
        <meta charset="utf-8" />
        <title>${of.title} · Tool Gateway</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="${theme ?? 'light dark'}" />
        <meta name="htmx-config" content="${HTMX}" />
        <link rel="icon" type="image/svg+xml" href="${asset('icon.svg')}" />
        <link rel="preload" as="font" type="font/woff2" href="${asset('inter.woff2')}" crossorigin />
        <link rel="stylesheet" href="${asset('dashboard.css')}" />
        <script src="${asset('htmx.js')}" defer></script>
        <script src="${asset('dashboard.js')}" defer></script>
      </head>
      <body class="${of.className}" ${attribute('hx-headers:inherited', headers)}>
        <a class="skip" href="#main">Skip to the content</a>
        ${undisguised(body)}
        <p id="toast" class="toast" role="status" aria-live="polite"></p>
      </body>
    </html>`
}

// oxlint-disable-next-line max-params
function navigationGroup(title: string, sections: readonly Section[], current: Section, look: Look): Html {
  return html`${title !== '' && html`<p class="group">${title}</p>`}
    <ul>
      ${sections.map((section) => navigation(section, current, look))}
    </ul>`
}

function navigation(section: Section, current: Section, { at }: Look): Html {
  const { title, path } = SECTIONS[section]
  const isCurrent = section === current ? 'page' : undefined
  return html`<li>
    <a href="${at(path)}" ${attribute('aria-current', isCurrent)}>${icon(section)}${title}</a>
  </li>`
}

function themeButton({ at }: Look): Html {
  return html`<button
    class="quiet theme"
    type="button"
    data-theme-path="${at('/')}"
    aria-label="Switch between light and dark"
  >
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" stroke-width="1.5" />
      <path d="M10 3a7 7 0 0 1 0 14z" fill="currentColor" />
    </svg>
  </button>`
}

function mark(): Html {
  return html`<svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
    <path
      d="M4 20V9a8 8 0 0 1 16 0v11M9 20v-9a3 3 0 0 1 6 0v9"
      fill="none"
      stroke="currentColor"
      stroke-width="2.2"
      stroke-linecap="round"
    />
  </svg>`
}
