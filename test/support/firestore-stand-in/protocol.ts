import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const PATH = ['google', 'firestore', 'v1', 'Firestore']
const require = createRequire(import.meta.url)

/** The service as the definitions of the client library say it is. */
export function firestoreService(): ServiceClientConstructor['service'] {
  const manifest = require.resolve('@google-cloud/firestore/package.json')
  const definition = loadPackageDefinition(
    loadSync('google/firestore/v1/firestore.proto', {
      includeDirs: [join(dirname(manifest), 'build/protos')],
      longs: String,
      enums: String,
      arrays: true,
      objects: true,
      oneofs: true,
    }),
  )
  let found: unknown = definition
  for (const name of PATH) found = (found as Record<string, unknown>)[name]
  return (found as ServiceClientConstructor).service
}
