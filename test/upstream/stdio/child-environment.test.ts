import { expect, test } from '@jest/globals'
import { childEnvironment } from '../../../src/upstream/stdio/child-environment.ts'

test('a process gets what programs need, proxies, certificates and package indexes, and nothing else', () => {
  const wanted = {
    PATH: '/bin',
    HOME: '/home/u',
    LANG: 'C',
    TMPDIR: '/tmp',
    USER: 'u',
    LOGNAME: 'u',
    SHELL: '/bin/sh',
    TERM: 'dumb',
    HTTP_PROXY: 'http://proxy:3128',
    https_proxy: 'http://proxy:3128',
    ALL_PROXY: 'socks5://proxy:1080',
    no_proxy: 'localhost,.example.com',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    SSL_CERT_FILE: '/ca.pem',
    SSL_CERT_DIR: '/opt/ca@2/certs',
    REQUESTS_CA_BUNDLE: '/ca.pem',
    CURL_CA_BUNDLE: '/ca.pem',
    npm_config_registry: 'https://packages.example.com/',
    NPM_CONFIG_REGISTRY: 'https://packages.example.com/',
    npm_config_globalconfig: '/usr/etc/npmrc',
    npm_config_userconfig: '/home/u/.npmrc',
    UV_INDEX_URL: 'https://packages.example.com/simple',
  }
  const secrets = {
    npm_config__auth: 'x',
    'npm_config_//packages.example.com/:_authToken': 'x',
    NPM_TOKEN: 'x',
    NODE_AUTH_TOKEN: 'x',
    STATE_KEY: 'x',
    GOOGLE_APPLICATION_CREDENTIALS: '/key.json',
    NODE_OPTIONS: '--require /x.js',
    LD_PRELOAD: '/x.so',
    FTP_PROXY: 'http://proxy:3128',
    MY_HTTPS_PROXY: 'http://proxy:3128',
  }
  expect(childEnvironment({ ...wanted, ...secrets }, {})).toEqual(wanted)
})

test.each([
  ['http://user:pa55@proxy.example:3128', 'http://proxy.example:3128/'],
  ['http://user@proxy.example:3128/', 'http://proxy.example:3128/'],
  ['http://user:p%40ss@proxy.example', 'http://proxy.example/'],
  ['http://user:p@ss@proxy.example:3128', 'http://proxy.example:3128/'],
  ['socks5h://user:pa55@proxy.example:1080', 'socks5h://proxy.example:1080'],
  ['user:pa55@proxy.example:3128', 'proxy.example:3128'],
  ['user:pa55@proxy.example', 'proxy.example'],
  ['user:p@ss@proxy.example:3128', 'proxy.example:3128'],
  ['http://user:p/a55@proxy.example:3128', undefined],
  ['http://user:1/a55@proxy.example:3128', undefined],
  ['user:1#a55@proxy.example:3128', undefined],
  ['http://user:p#55@proxy.example:3128', undefined],
  ['http://user:pa55@proxy.example:port', undefined],
  ['http://proxy.example:3128', 'http://proxy.example:3128'],
])('user name and password of the proxy %s are not handed to a process', (given, passed) => {
  const shown = childEnvironment({ HTTPS_PROXY: given }, {})['HTTPS_PROXY']
  expect(shown ?? '').not.toMatch(/user|pa55|p%40ss|p@ss/)
  expect(shown).toBe(passed)
})

test('what a server declares wins, also over the same variable in other case', () => {
  const own = { https_proxy: 'http://own:1', HTTPS_PROXY: 'http://own:1', PATH: '/own', NO_PROXY: 'own' }
  expect(childEnvironment(own, { HTTPS_PROXY: 'http://u:p@declared:2', PATH: '/declared' })).toEqual({
    HTTPS_PROXY: 'http://u:p@declared:2',
    PATH: '/declared',
    NO_PROXY: 'own',
  })
})
