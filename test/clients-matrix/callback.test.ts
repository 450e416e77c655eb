import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from '@jest/globals'
import { Callback } from './callback.ts'

test('a client whose first port is taken gets its code at another one', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  await using callback = await Callback.open({ path: '/', port })
  expect(Number(new URL(callback.url).port)).not.toBe(port)
  await fetch(`${callback.url}?state=s&code=c`)
  expect((await callback.query).get('code')).toBe('c')
  holder.close()
})
