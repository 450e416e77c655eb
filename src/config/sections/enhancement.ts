import { z } from 'zod'
import { optional, setting } from '../setting.ts'
import { integer, isPlainUrl, wordList } from '../values.ts'

const OLLAMA_PORT = '11434'

const ollamaHost = {
  schema: z
    .string()
    .trim()
    .max(2048)
    .transform((text) => (text.includes('://') ? text : withPort(`http://${text}`)))
    .refine((text) => isPlainUrl(text) && new URL(text).search === '')
    .transform((text) => text.replace(/(?<!\/)\/+$/, '')),
  expected: 'an http or https URL without user name, query and fragment, or a host with or without a port',
}

const keepAlive = {
  schema: z
    .string()
    .trim()
    .regex(/^(-1|[0-9]{1,9}(ms|s|m|h)?)$/),
  expected: 'a duration as Ollama writes it: `300s`, `5m`, `24h`, `0`, or `-1` for no limit',
}

/** Environment variables of prompt enhancement and of the caches. */
export const enhancement = {
  OLLAMA_HOST: optional(
    ollamaHost,
    'prompts are not enhanced',
    'Ollama server whose models improve prompts; see docs/enhancement.md.',
  ),
  OLLAMA_TIMEOUT_MS: setting(
    integer(1, 300_000),
    '30000',
    'Timeout for one response of a model, in milliseconds; after it the prompt is returned unchanged.',
  ),
  OLLAMA_KEEP_ALIVE: setting(keepAlive, '5m', 'How long Ollama keeps a model in memory after a request.'),
  ENHANCE_ROLES: setting(
    wordList,
    '',
    'Roles that allow a caller to have prompts enhanced; one of them is enough. If empty, every caller is allowed.',
  ),
  ENHANCE_CACHE_TTL_MS: setting(
    integer(1000, 604_800_000),
    '3600000',
    'How long an enhanced prompt stays in the cache, in milliseconds.',
  ),
  CACHE_MAX_ENTRIES: setting(
    integer(1, 1_000_000),
    '10000',
    'Maximum number of entries of each cache: of enhanced prompts, and of results of tools with `cacheTtlMs`.',
  ),
  CACHE_MAX_BYTES: setting(
    integer(65_536, 17_179_869_184),
    '67108864',
    'Maximum size of each cache, in bytes; entries larger than a tenth of it are not stored.',
  ),
}

/** Ollama's own notation for its address has no scheme, and its own port by default. */
function withPort(text: string): string {
  const url = URL.parse(text)
  if (url === null || url.port !== '' || /:\d+\/?$/.test(text)) return text
  url.port = OLLAMA_PORT
  return url.href
}
