import { expect, test } from '@jest/globals'
import { problemNotice } from '../../src/dashboard/visit/problem-notice.ts'
import { RestProblem } from '../../src/dashboard/visit/rest-client.ts'

test('the error of a server is shown with what the server said', () => {
  const problem = new RestProblem(502, {
    code: 'upstream_error',
    title: 'The server returned an error',
    detail: 'Server tickets returned an error',
    upstream: { code: -32_000, message: 'no such <ticket>' },
  })
  expect(problemNotice(problem).toString()).toContain('<p>It said: no such &lt;ticket&gt;</p>')
})

test('a call that a person has to approve links to the request', () => {
  const url = 'https://gateway.example/dashboard/approvals/ap_1'
  const problem = new RestProblem(403, { code: 'approval_required', approval: { url } })
  expect(problemNotice(problem).toString()).toContain(`<a href="${url}">Open the request</a>`)
})
