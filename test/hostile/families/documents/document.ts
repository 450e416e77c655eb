/** A document of a server, or what is written in place of one. */
export type Document = Readonly<Record<string, unknown>>
