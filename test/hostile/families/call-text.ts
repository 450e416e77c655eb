import { MODERN } from '../../support/raw-mcp.ts'

/** What every request of 2026-07-28 has to carry, as a member of its parameters. */
export const ENVELOPE = `"_meta":{"io.modelcontextprotocol/protocolVersion":"${MODERN}","io.modelcontextprotocol/clientInfo":{"name":"h","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`

/** A call of a tool, with the rest of its parameters as text. */
export const call = (rest: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo_say",${rest}}}`
