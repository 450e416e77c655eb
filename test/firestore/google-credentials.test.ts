import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { findGoogleCredentials } from '../../src/firestore/google-credentials.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const WHAT_TO_TRY =
  '; set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run where a service account is available'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>

beforeEach(async () => {
  directory = await temporaryDirectory()
  // No key of this machine, and no question to the metadata server of a cloud, nor for a project to `gcloud`.
  Object.assign(process.env, {
    HOME: directory.path,
    METADATA_SERVER_DETECTION: 'none',
    GOOGLE_CLOUD_PROJECT: 'demo-credentials',
  })
  delete process.env['GOOGLE_APPLICATION_CREDENTIALS']
})

afterEach(async () => {
  await directory[Symbol.asyncDispose]()
})

function useKeyFile(content: string): string {
  const path = join(directory.path, 'key.json')
  writeFileSync(path, content)
  process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path
  return path
}

function serviceAccount(privateKey: string): string {
  const account = { type: 'service_account', client_email: 'a@example.com', private_key: privateKey }
  return JSON.stringify(account)
}

async function problem(): Promise<string> {
  return await findGoogleCredentials().then(
    () => 'none',
    (error: Error) => error.message,
  )
}

describe('credentials that cannot be used are refused before anything asks for them, with the reason', () => {
  test('when there are none', async () => {
    expect(await problem()).toBe(
      'the credentials of Google Cloud cannot be used (Could not load the default credentials. Browse to ' +
        `https://cloud.google.com/docs/authentication/getting-started for more information.)${WHAT_TO_TRY}`,
    )
  })

  test('when the file is not there', async () => {
    const path = useKeyFile('')
    process.env['GOOGLE_APPLICATION_CREDENTIALS'] = `${path}.other`
    expect(await problem()).toContain(`'${path}.other'`)
  })

  test('when it is not JSON, without a word of it', async () => {
    useKeyFile('MIIEhunter2')
    expect(await problem()).toBe(
      `the credentials of Google Cloud cannot be used (the key file is not JSON)${WHAT_TO_TRY}`,
    )
  })

  test('when a field is missing', async () => {
    useKeyFile('{}')
    expect(await problem()).toContain('does not contain a client_email field')
  })

  test('when its key cannot sign', async () => {
    useKeyFile(serviceAccount('-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n'))
    const text = await problem()
    expect(text).toMatch(/^the credentials of Google Cloud cannot be used \(error:\w+:DECODER routines::/)
    expect(text).not.toContain('hunter2')
  })
})

test('the key of a service account is enough: nobody is asked for a token', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  useKeyFile(serviceAccount(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()))
  expect(await problem()).toBe('none')
})

describe('with credentials that take a token from elsewhere', () => {
  let server: Server
  let status: number

  beforeEach(async () => {
    server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: 'invalid_grant', access_token: 't', expires_in: 3600 }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const tokenFile = join(directory.path, 'token')
    writeFileSync(tokenFile, 'subject')
    useKeyFile(
      JSON.stringify({
        type: 'external_account',
        audience: 'gateway',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
        credential_source: { file: tokenFile },
      }),
    )
  })

  afterEach(() => {
    server.close()
  })

  test('a refused token is refused at once', async () => {
    status = 400
    expect(await problem()).toMatch(/^the credentials of Google Cloud cannot be used \(.*invalid_grant/)
  })

  test('an outage stops nothing, and each request says why it has no token', async () => {
    status = 503
    const auth = await findGoogleCredentials()
    const client = await auth.getClient()
    await expect(client.getRequestHeaders()).rejects.toMatchObject({
      name: 'GoogleCredentialsError',
      code: 16,
      message: expect.stringContaining('the credentials of Google Cloud cannot be used ('),
    })
    status = 200
    const headers = await client.getRequestHeaders()
    expect(headers.get('authorization')).toBe('Bearer t')
  })
})
