import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { PIXEL_PNG } from './media.ts'

/** The resources of the contract. */
export function addResources(server: McpServer): void {
  addText(server, 'static-text', 'test://static-text', 'This is the content of the static text resource.')
  addText(server, 'watched-resource', 'test://watched-resource', 'Watched resource content')
  server.registerResource(
    'static-binary',
    'test://static-binary',
    { title: 'A picture', description: 'One pixel.', mimeType: 'image/png' },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'image/png', blob: PIXEL_PNG }] }),
  )
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { title: 'Data by id', description: 'Tells its id.', mimeType: 'application/json' },
    (uri, { id }) => ({
      contents: [
        {
          uri: uri.href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  )
}

function addText(server: McpServer, name: string, address: string, text: string): void {
  server.registerResource(
    name,
    address,
    { title: name, description: 'A text.', mimeType: 'text/plain' },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'text/plain', text }] }),
  )
}
