import { expect, test } from '@jest/globals'
import { nearMisses } from '../../src/config/near-misses.ts'

test.each([
  ['PORTT', undefined],
  ['port', 'PORT'],
  ['DATADIR', 'DATA_DIR'],
  ['DATA_DIRECTORY', undefined],
  ['DATA_DRI', 'DATA_DIR'],
  ['REGISTRY_FLIE', 'REGISTRY_FILE'],
  ['REGISTRYFILE', 'REGISTRY_FILE'],
  ['LOG_LEVLE', 'LOG_LEVEL'],
  ['CALL_TIMEOUT', undefined],
  ['CALL_TIMEOUT_MSS', 'CALL_TIMEOUT_MS'],
  ['TIMEOUT_CALL_MS', 'CALL_TIMEOUT_MS'],
  ['ALLOWED_ORIGIN', 'ALLOWED_ORIGINS'],
  ['OIDC_ISUER', 'OIDC_ISSUER'],
])('%s is taken for %s', (name, meant) => {
  expect(nearMisses({ [name]: 'x' })).toEqual(meant === undefined ? [] : [{ name, meant }])
})

test('settings themselves, and what every environment has, are no near misses', () => {
  const usual =
    'PATH HOME HOSTNAME USER SHELL TERM LANG PWD TMPDIR EDITOR PORT HOST STORE NODE_ENV LOGNAME OIDC_ISSUER OIDC_ISSUERS'
  expect(nearMisses(Object.fromEntries(usual.split(' ').map((name) => [name, 'x'])))).toEqual([])
})
