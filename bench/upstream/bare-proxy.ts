/** The floor: a proxy on `node:http` that only forwards bytes over keep-alive connections. Argument: the upstream's URL. */
import { Agent, createServer, request as send } from 'node:http'
import { listenAndPrint } from './listen.ts'

const target = new URL(process.argv[2] ?? '')
const agent = new Agent({ keepAlive: true, maxSockets: 256 })
const { hostname, port, host } = target

const server = createServer((request, response) => {
  const { url: path = '/', method, headers } = request
  const onward = send({ hostname, port, path, method, headers: { ...headers, host }, agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  onward.on('error', () => response.writeHead(502).end())
  request.pipe(onward)
})
listenAndPrint(server, target.pathname + target.search)
