import type { Page } from 'playwright-core'

/** Somebody who allows what clients ask for; resolves with what was asked. */
export interface Allowing {
  /** Opens the address that a client opens a browser with. */
  readonly allow: (address: string) => Promise<string>
}

/** The same, for clients that are pages. */
interface AllowingOnPages extends Allowing {
  /** A page in the browser of the person. */
  readonly newPage: () => Promise<Page>
  readonly allowOn: (page: Page) => Promise<string>
}

/** What a client is given: one address, and a person. */
export interface Occasion<P extends Allowing = AllowingOnPages> {
  /** The address that a person pastes into the client. */
  readonly url: string
  readonly person: P
  /** An empty folder, which is the home of the client. */
  readonly home: string
  /** Where the clients of others are installed. */
  readonly installed: string
}

/** What came of it. */
export interface Outcome {
  /** What the consent asked the person. */
  readonly asked: string
  /** The text that the tool answered. */
  readonly answer: string
}

/** A client that is tried. */
export interface MatrixClient {
  readonly name: string
  readonly version: string
  /** Connects by the address, with the click of the person, lists the tools, and calls `sample_echo` with `TEXT`. */
  readonly connect: (on: Occasion) => Promise<Outcome>
}

export const TOOL = 'sample_echo'
export const TEXT = 'hello'
/** What the tool answers. */
export const ANSWER = '{"text":"hello"}'
