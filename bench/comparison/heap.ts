import { once } from 'node:events'
import { WebSocket } from 'ws'

/** What a process of Node has on its heap, after a collection, in MB. `inspector` is where its inspector listens. */
export async function collectedHeapMb(inspector: string): Promise<number> {
  const socket = new WebSocket(inspector)
  await once(socket, 'open')
  try {
    await ask(socket, 'HeapProfiler.collectGarbage')
    const { usedSize } = (await ask(socket, 'Runtime.getHeapUsage')) as { usedSize: number }
    return usedSize / 1024 / 1024
  } finally {
    socket.terminate()
  }
}

async function ask(socket: WebSocket, method: string): Promise<unknown> {
  socket.send(JSON.stringify({ id: 1, method }))
  const [data] = (await once(socket, 'message')) as [Buffer]
  return (JSON.parse(data.toString()) as { result?: unknown }).result
}
