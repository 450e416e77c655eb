import { html, type Html } from '../../domain/text/html.ts'
import type { Section } from './page.ts'

/** Outlines of 20 by 20, one for each section. */
const PATHS: Readonly<Record<Section, string>> = {
  overview: 'M3.5 10.5h5v6h-5zM3.5 3.5h5v4h-5zM11.5 12.5h5v4h-5zM11.5 3.5h5v6h-5z',
  servers: 'M3.5 4h13v5h-13zM3.5 11h13v5h-13zM6.5 6.5h.01M6.5 13.5h.01M9.5 6.5h4M9.5 13.5h4',
  tools:
    'M12.6 3.6a4 4 0 0 0-4.8 5.2l-4.3 4.3a1.6 1.6 0 0 0 0 2.3l1.1 1.1a1.6 1.6 0 0 0 2.3 0l4.3-4.3a4 4 0 0 0 5.2-4.8l-2.4 2.4-2.9-.9-.9-2.9z',
  pipelines: 'M4 5.5h4v4H4zM12 10.5h4v4h-4zM8 7.5h3a2 2 0 0 1 2 2v1M6 9.5v1a2 2 0 0 0 2 2h4',
  approvals: 'M10 3l5.5 2v4.5c0 3.4-2.3 6-5.5 7.5-3.2-1.5-5.5-4.1-5.5-7.5V5zM7.5 10l1.8 1.8 3.2-3.4',
  access: 'M7.5 12.5a3.5 3.5 0 1 1 2.6-1.2l6 0v2.2h-2v1.8h-2.2v-1.8h-1.8zM6.6 9.5h.01',
  activity: 'M3 10.5h3l2.2-6 3.6 11 2.2-5h3',
  sessions:
    'M7.5 9.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM2.8 16c.3-2.7 2.2-4.2 4.7-4.2s4.4 1.5 4.7 4.2M12.8 9.3a2.3 2.3 0 1 0-.6-4.5M14 12c1.9.3 3.1 1.7 3.3 4',
  connections:
    'M8.5 11.5l3-3M9.5 6.5l1.7-1.7a2.8 2.8 0 0 1 4 4L13.5 10.5M10.5 13.5l-1.7 1.7a2.8 2.8 0 0 1-4-4L6.5 9.5',
  caches: 'M10 3.5l6.5 3.2L10 10 3.5 6.7zM3.5 10l6.5 3.3 6.5-3.3M3.5 13.3l6.5 3.2 6.5-3.2',
  tenant: 'M4.5 16.5v-13h7v13M11.5 8.5h4v8M3 16.5h14M7 6.5h2M7 9.5h2M7 12.5h2',
}

/** The mark of a section, which says nothing that its title does not. */
export function icon(section: Section): Html {
  return html`<svg class="icon" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
    <path
      d="${PATHS[section]}"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>`
}
