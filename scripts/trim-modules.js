/**
 * Removes what packages bring and nothing here uses: the other copies of Node in `node`, and of the viewer of the API
 * all but the two files that are served. Runs after `npm install`, with whichever Node npm has.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const VIEWER = 'node_modules/swagger-ui-dist'
const SERVED = new Set(['swagger-ui-bundle.js', 'swagger-ui.css', 'package.json', 'LICENSE', 'NOTICE'])

rmSync('node_modules/node/node_modules', { recursive: true, force: true })
for (const file of existsSync(VIEWER) ? readdirSync(VIEWER) : [])
  if (!SERVED.has(file)) rmSync(join(VIEWER, file), { recursive: true })
