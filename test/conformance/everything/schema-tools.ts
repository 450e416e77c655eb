import { text, type Tool } from './tool.ts'

const ADDRESS = {
  $anchor: 'addressDef',
  type: 'object',
  properties: { street: { type: 'string' }, city: { type: 'string' } },
}

/** Tools whose input schema is what matters. */
export const SCHEMA_TOOLS: readonly Tool[] = [
  {
    name: 'json_schema_2020_12_tool',
    description: 'Has an input schema with many keywords of JSON Schema 2020-12.',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: { address: ADDRESS },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    run: ({ args }) => text(JSON.stringify(args)),
  },
  {
    name: 'test_x_mcp_header',
    description: 'Wants its region in a header too.',
    inputSchema: {
      type: 'object',
      properties: {
        region: { type: 'string', description: 'also in Mcp-Param-Region', 'x-mcp-header': 'Region' },
        level: { type: 'integer', description: 'in the body only' },
      },
    },
    run: ({ args }) => text(`region=${JSON.stringify(args['region'])}`),
  },
]
