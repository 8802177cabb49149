import type { TLSSocket } from "node:tls";
import type { User } from "./types";

/** Bearer tokens that are good, and whose they are. */
export type TokenTable = Map<string, User>;

/**
 * Who sent this: the verified client certificate decides (CN is the user, each O a group), else a
 * bearer token of the table; undefined means 401. A certificate that does not verify (expired,
 * foreign CA) is not an identity, but a good token beside it still counts, as in the real server.
 */
export function authenticate(
  socket: TLSSocket,
  authorization: string | undefined,
  tokens: TokenTable,
): User | undefined {
  const user = certificateUser(socket) ?? tokenUser(authorization, tokens);
  return user === undefined
    ? undefined
    : { name: user.name, groups: [...user.groups, "system:authenticated"] };
}

function certificateUser(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  // @types/node says string; a subject with several O has an array.
  const subject = socket.getPeerCertificate().subject as
    { CN?: string | string[]; O?: string | string[] } | undefined;
  const name = [subject?.CN ?? []].flat()[0];
  return name === undefined ? undefined : { name, groups: [subject?.O ?? []].flat() };
}

function tokenUser(authorization: string | undefined, tokens: TokenTable): User | undefined {
  const match = /^bearer\s+(\S+)$/i.exec(authorization ?? "");
  return match?.[1] === undefined ? undefined : tokens.get(match[1]);
}
