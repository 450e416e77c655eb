import { writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { makePrivateDirectory } from '../../files/private-file.ts'
import { isJsonObject } from '../../domain/json/json.ts'

/**
 * Writes a commented registry with three servers to start from, unless the file exists; says whether it did.
 * Makes the folder that the file server shows, with a file in it; its neighbour `memory.jsonl` is the memory
 * server's. Folders get mode 0700 and files 0600.
 */
export async function writeExampleRegistry(path: string, options: { filesFolder: string }): Promise<boolean> {
  const filesFolder = resolve(options.filesFolder)
  const memoryFile = join(dirname(filesFolder), 'memory.jsonl')
  await makePrivateDirectory(dirname(path))
  if (!(await writeNew(path, exampleText({ filesFolder, memoryFile })))) return false
  await makePrivateDirectory(filesFolder)
  await writeNew(join(filesFolder, 'hello.txt'), 'Hello from behind the gateway.\n')
  return true
}

async function writeNew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (isJsonObject(error) && error['code'] === 'EEXIST') return false
    throw error
  }
}

/** JSON text is valid YAML for every path. */
const quoted = (text: string): string => JSON.stringify(text)

function exampleText({ filesFolder, memoryFile }: { filesFolder: string; memoryFile: string }): string {
  return `# The registry: the MCP servers behind the gateway, and who may use them.
# Changes take effect within a second after the file is saved; unchanged servers keep running. A server that
# is not valid is left out with a reason (see the log); the others keep running.

servers:
  # The key is the server's name: a-z, 0-9 and -, starting with a letter. Its tools are offered as <name>_<tool>.
  filesystem:
    transport: stdio
    # An npm package that starts an MCP server. Or any program: "command: /path/to/program".
    package: '@modelcontextprotocol/server-filesystem'
    args:
      - ${quoted(filesFolder)}
    # The caller needs one of these roles; { allOf: [a, b] } asks for all of them. Left out: no role is needed.
    requiredRoles: [reader]

  memory:
    transport: stdio
    package: '@modelcontextprotocol/server-memory'
    # The environment of the server has only the variables that are listed here, none of the gateway's.
    env:
      MEMORY_FILE_PATH: ${quoted(memoryFile)}
    requiredRoles: [reader]
    # Some tools, or some callers, only. Patterns may contain *.
    #tools:
    #  include: ['read_*', 'create_*', search_nodes]
    #  exclude: ['delete_*']
    #  'create_*':
    #    requiredRoles: [editor]
    #    timeoutMs: 5000

  everything:
    transport: stdio
    package: '@modelcontextprotocol/server-everything'
    args: [stdio]
    requiredRoles: [reader]
    # The tenant that it belongs to; '*' for all tenants. Left out: the tenant in DEFAULT_TENANT.
    #tenantId: acme
    # The agents (calling programs) that may use it. Left out: every agent; []: none.
    #agentAllowlist: [desk-assistant]
    #enabled: false

  # A server over HTTP; "transport: http" finds out whether it speaks streamable-http or sse.
  #remote:
  #  transport: streamable-http
  #  url: https://mcp.example.com/mcp
  #  auth: { kind: bearer, token: the-token-of-the-gateway }
  #  requiredRoles: [reader]

# The configuration of a desktop client is understood as it is; access fields may be added to its entries.
#mcpServers:
#  fetch:
#    command: npx
#    args: [-y, some-mcp-server]
#    requiredRoles: [reader]
`
}
