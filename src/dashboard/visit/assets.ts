import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Router } from 'express'
import { publicPath } from '../../domain/public-path.ts'

/** Own files stand where this program does, also when it was built; the others are those of npm packages. */
const FILES: Readonly<Record<string, { readonly url: () => string; readonly type: string }>> = {
  'dashboard.css': { url: () => own('dashboard.css'), type: 'text/css' },
  'dashboard.js': { url: () => own('dashboard.js'), type: 'text/javascript' },
  'icon.svg': { url: () => own('icon.svg'), type: 'image/svg+xml' },
  'htmx.js': { url: () => import.meta.resolve('htmx.org/dist/htmx.min.js'), type: 'text/javascript' },
  'inter.woff2': {
    url: () => import.meta.resolve('@fontsource-variable/inter/files/inter-latin-wght-normal.woff2'),
    type: 'font/woff2',
  },
}
const YEAR_SECONDS = 31_536_000

interface Asset {
  readonly type: string
  readonly content: Buffer
}

/** The files that pages load: read once, and served to everybody. */
export class Assets {
  readonly #publicUrl: string
  readonly #files: ReadonlyMap<string, Asset>
  /** Of all files together, and part of their addresses: browsers may keep what is there for ever. */
  readonly #version: string

  /** @throws Error when a file is missing */
  constructor(options: { publicUrl: string }) {
    this.#publicUrl = options.publicUrl
    const read = Object.entries(FILES).map(([name, { url, type }]): [string, Asset] => [
      name,
      { type, content: readFileSync(fileURLToPath(url())) },
    ])
    this.#files = new Map(read)
    const hash = createHash('sha256')
    for (const [, { content }] of read) hash.update(content)
    this.#version = hash.digest('hex').slice(0, 12)
  }

  /** The address of a file, which changes with their content. */
  address(name: string): string {
    return publicPath(this.#publicUrl, `/dashboard/assets/${this.#version}/${name}`)
  }

  /** Serves `/{version}/{name}`. */
  get router(): Router {
    const router = Router()
    router.get('/:version/:name', (request, response, next) => {
      const file = this.#files.get(request.params.name)
      if (file === undefined || request.params.version !== this.#version) return next()
      response.setHeader('Cache-Control', `public, max-age=${YEAR_SECONDS}, immutable`)
      response.type(file.type).send(file.content)
    })
    return router
  }
}

function own(name: string): string {
  return new URL(`../assets/${name}`, import.meta.url).href
}
