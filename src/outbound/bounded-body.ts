/** A body that breaks where it is larger than allowed. */
export function boundedBody(body: ReadableStream<Uint8Array>, maxBytes: number): ReadableStream<Uint8Array> {
  let size = 0
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      size += chunk.byteLength
      if (size > maxBytes) controller.error(new Error(`the response has more than ${maxBytes} bytes`))
      else controller.enqueue(chunk)
    },
  })
  return body.pipeThrough(limit)
}
