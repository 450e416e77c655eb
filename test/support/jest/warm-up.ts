/** Loads what workers and the processes that tests start load, and leaves it compiled for all of them. */
await Promise.all([
  import('../../../src/run-gateway.ts'),
  import('../../../src/cli/program.ts'),
  import('../../../src/firestore/firestore.ts'),
  import('@google-cloud/secret-manager'),
  import('@modelcontextprotocol/client'),
  import('@modelcontextprotocol/sdk/client/index.js'),
  import('@modelcontextprotocol/sdk/client/sse.js'),
  import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
  import('@modelcontextprotocol/sdk/server/mcp.js'),
  import('fast-check'),
  import('oidc-provider'),
  import('openid-client'),
])
// oxlint-disable-next-line unicorn/no-process-exit -- what was loaded may hold the process open
process.exit(0)
