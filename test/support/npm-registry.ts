import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'

export interface PackageFiles {
  readonly manifest: { readonly name: string; readonly version: string } & Record<string, unknown>
  /** Path in the package to its text. */
  readonly files?: Readonly<Record<string, string>>
}

/** A registry of npm packages on loopback. */
export interface NpmRegistry {
  readonly url: string
  readonly publish: (files: PackageFiles) => void
  /** Tarballs of this package are asked for and never come, until it is undefined again. */
  hanging: string | undefined
  /** Paths that were asked for. */
  readonly asked: string[]
  readonly close: () => Promise<void>
}

export async function startNpmRegistry(): Promise<NpmRegistry> {
  const packages = new Map<string, Map<string, { manifest: PackageFiles['manifest']; tarball: Buffer }>>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname).slice(1)
    asked.push(path)
    const [name = '', file] = path.split('/-/')
    const versions = packages.get(name)
    if (versions === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}')
    } else if (file === undefined) {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(packumentOf(registry.url, name, versions)))
    } else if (registry.hanging !== name) {
      response.end(versions.get(file.replace(/\.tgz$/, ''))?.tarball)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const registry: NpmRegistry = {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`,
    hanging: undefined,
    asked,
    publish: ({ manifest, files = {} }) => {
      const versions = packages.get(manifest.name) ?? new Map<string, never>()
      const tarball = tarballOf({ 'package.json': JSON.stringify(manifest), ...files })
      packages.set(manifest.name, versions.set(manifest.version, { manifest, tarball }))
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return registry
}

function packumentOf(
  url: string,
  name: string,
  versions: ReadonlyMap<string, { manifest: PackageFiles['manifest']; tarball: Buffer }>,
): unknown {
  const entries = [...versions].map(([version, { manifest, tarball }]) => {
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
    return [version, { ...manifest, dist: { tarball: `${url}${name}/-/${version}.tgz`, integrity } }] as const
  })
  return { name, 'dist-tags': { latest: [...versions.keys()].at(-1) }, versions: Object.fromEntries(entries) }
}

/** A gzipped tar archive of regular files below `package/`, as npm packs them. */
function tarballOf(files: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(files).flatMap(([path, text]) => {
    const content = Buffer.from(text)
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
    return [headerOf(`package/${path}`, content.length), content, padding]
  })
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)]))
}

function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(512)
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`
  header.write(name, 0)
  header.write(octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12), 100)
  header.write('        0', 148)
  header.write('ustar\x0000', 257)
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  )
  return header
}

/** A server with one tool, `hello`, which says what its dependency exports; it needs nothing else. */
export function tinyServer(name: string, version = '1.2.3'): PackageFiles {
  return {
    manifest: {
      name,
      version,
      bin: 'server.js',
      dependencies: { 'tiny-words': '^1.0.0' },
      scripts: { postinstall: "node -e \"require('fs').writeFileSync('script-ran', '')\"" },
    },
    files: {
      'server.js': `#!/usr/bin/env node
const words = require('tiny-words')
const send = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n')
process.stderr.write('tiny is up with ' + process.argv.slice(2).join() + '\\n')
const answers = {
  initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'tiny', version: '1' } },
  'tools/list': { tools: [{ name: 'hello', inputSchema: { type: 'object' } }] },
  'tools/call': { content: [{ type: 'text', text: words }] },
}
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line)
  if (answers[method]) send(id, answers[method])
  else if (id !== undefined)
    process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'unknown' } }) + '\\n')
})
`,
    },
  }
}

export const tinyWords: PackageFiles = {
  manifest: { name: 'tiny-words', version: '1.0.1', main: 'words.js' },
  files: { 'words.js': "module.exports = 'hello from a dependency'\n" },
}
