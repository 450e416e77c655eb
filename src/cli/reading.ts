import { Command } from 'commander'
import { isJsonObject } from '../domain/json/json.ts'
import { printableLine } from '../domain/text/printable.ts'
import { argumentsIn } from './input/arguments.ts'
import { CLI_EXIT, CliError } from './cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, printList, withAddress } from './context.ts'
import { ask, askAll, objectsIn } from './client/rest-client.ts'
import { programOf } from './client/token-advice.ts'

/** `resources list` and `resources read URI`. */
export function resourcesCommand(context: CliContext): Command {
  const read = new Command('read')
    .description('print the contents of a resource')
    .argument('<uri>', 'URI of the resource, as `resources list` shows it')
  return new Command('resources')
    .description('list and read resources')
    .addCommand(
      withAddress(new Command('list').description('list the resources that the token may read')).action(
        async (options: AddressOptions) => {
          const query = new URLSearchParams()
          const { items, page } = await askAll(
            addressOf(options, context),
            '/v1/resources',
            query,
            'resources',
          )
          const templates = objectsIn(page['resourceTemplates'])
          const rows = [...items, ...templates].map(({ uri, uriTemplate, name, mimeType }) => [
            text(uri ?? uriTemplate),
            text(name),
            text(mimeType),
          ])
          const all = { resources: items, resourceTemplates: templates }
          printList(context, options, {
            value: all,
            rows,
            header: ['URI', 'NAME', 'TYPE'],
            none: 'no resources for this token',
          })
        },
      ),
    )
    .addCommand(
      withAddress(read).action(async (uri: string, options: AddressOptions) => {
        const path = `/v1/resources?uri=${encodeURIComponent(uri)}`
        const answer = await ask(addressOf(options, context), 'GET', path)
        const contents = objectsIn(answer['contents']).map((each) =>
          typeof each['text'] === 'string' ? `${each['text']}\n` : asJson(each),
        )
        context.print(options.json === true ? asJson(answer) : contents.join(''))
      }),
    )
}

/** `prompts list` and `prompts get NAME key=value …`. */
export function promptsCommand(context: CliContext): Command {
  const get = new Command('get')
    .description('print a prompt with its arguments filled in')
    .argument('<name>', 'name of the prompt, as `prompts list` shows it')
    .argument('[arguments...]', 'key=value, key=@file, or @file with a JSON object')
  return new Command('prompts')
    .description('list and get prompts')
    .addCommand(
      withAddress(new Command('list').description('list the prompts that the token may use')).action(
        async (options: AddressOptions) => {
          const query = new URLSearchParams()
          const { items } = await askAll(addressOf(options, context), '/v1/prompts', query, 'prompts')
          const rows = items.map(({ id, description, arguments: args }) => [
            text(id),
            objectsIn(args)
              .map(({ name, required }) => `${text(name)}${required === true ? '' : '?'}`)
              .join(' '),
            text(description),
          ])
          printList(context, options, {
            value: items,
            rows,
            header: ['NAME', 'ARGUMENTS', 'DESCRIPTION'],
            none: 'no prompts for this token',
          })
        },
      ),
    )
    .addCommand(
      withAddress(get).action(async (name: string, words: string[], options: AddressOptions) => {
        const given = await argumentsIn(words, {})
        const texts = Object.entries(given).map(
          ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
        )
        const path = `/v1/prompts/${encodeURIComponent(name)}`
        const answer = await ask(addressOf(options, context), 'POST', path, {
          arguments: Object.fromEntries(texts),
        })
        const lines = objectsIn(answer['messages']).map(
          ({ role, content }) => `${text(role)}: ${contentText(content)}\n`,
        )
        context.print(options.json === true ? asJson(answer) : lines.join(''))
      }),
    )
}

/** `pipelines list` and `pipelines run NAME key=value …`. */
export function pipelinesCommand(context: CliContext): Command {
  const run = new Command('run')
    .description('run a pipeline; exits with 1 if it fails')
    .argument('<name>', 'name of the pipeline')
    .argument('[arguments...]', 'key=value, key:=JSON, key=@file, or @file with a JSON object')
  return new Command('pipelines')
    .description('list and run pipelines')
    .addCommand(
      withAddress(new Command('list').description('list the pipelines that the token may run')).action(
        async (options: AddressOptions) => {
          const answer = await ask(addressOf(options, context), 'GET', '/v1/pipelines')
          const pipelines = objectsIn(answer['pipelines'])
          const rows = pipelines.map(({ name, tool, description }) => [
            text(name),
            text(tool),
            text(description),
          ])
          printList(context, options, {
            value: pipelines,
            rows,
            header: ['NAME', 'TOOL', 'DESCRIPTION'],
            none: 'no pipelines for this token',
          })
        },
      ),
    )
    .addCommand(
      withAddress(run).action(async (name: string, words: string[], options: AddressOptions) => {
        const address = addressOf(options, context)
        const { pipelines } = await ask(address, 'GET', '/v1/pipelines')
        const found = objectsIn(pipelines).find((each) => each['name'] === name)
        const schema = isJsonObject(found?.['inputSchema']) ? found['inputSchema'] : {}
        const path = `/v1/pipelines/${encodeURIComponent(name)}`
        const body = { arguments: await argumentsIn(words, schema) }
        const answer = await ask(address, 'POST', path, body).catch((error: unknown) => {
          throw found === undefined ? withWhereListed(error, context) : error
        })
        const lines = objectsIn(answer['content']).map((content) => `${contentText(content)}\n`)
        context.print(options.json === true ? asJson(answer) : lines.join(''))
        if (answer['isError'] === true) throw new CliError('failed', `${name} failed`)
      }),
    )
}

/** The refusal of a pipeline that is not listed, with the command that lists them. */
function withWhereListed(error: unknown, { env }: CliContext): unknown {
  if (!(error instanceof CliError) || error.exitCode !== CLI_EXIT.failed) return error
  const advice = `The pipelines that the token may run: ${programOf(env)} pipelines list`
  return new CliError('failed', `${error.message}\n${advice}`)
}

function text(value: unknown): string {
  return typeof value === 'string' ? printableLine(value.trimStart().split('\n', 1)[0] ?? '') : ''
}

function contentText(content: unknown): string {
  return isJsonObject(content) && typeof content['text'] === 'string'
    ? content['text']
    : JSON.stringify(content)
}
