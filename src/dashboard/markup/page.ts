import type { Html } from '../../domain/text/html.ts'

/** What pages are drawn with, whoever looks. */
export interface Look {
  /** The address of a path of this gateway, as browsers reach it. */
  readonly at: (path: string) => string
  /** What the person chose; undefined: as the system has it. */
  readonly theme: Theme | undefined
  /** Under which addresses style sheet, scripts and fonts are. */
  readonly asset: (name: string) => string
  readonly nowMs: number
}

/** The colours of pages. */
type Theme = 'light' | 'dark'

/** The parts of the dashboard that the navigation shows. */
export type Section =
  | 'overview'
  | 'servers'
  | 'tools'
  | 'pipelines'
  | 'approvals'
  | 'access'
  | 'activity'
  | 'sessions'
  | 'connections'
  | 'caches'
  | 'tenant'

/** A page of the dashboard, without what all pages share. */
export interface Page {
  readonly title: string
  readonly section: Section
  readonly body: Html
  /** 200 by default. */
  readonly status?: number
}
