/** Pure: what is wrong with a kubeconfig and what it names. */
import type { CredentialFacts, UserFacts } from "../../kube/credential-facts";
import { distrust } from "../../kube/trust";
import { findingOf, type Finding } from "../finding";
import { ACCESS, type Kubelet } from "../kinds/access";

/** A certificate that is valid for less time than this is reported (ms). */
const SOON_MS = 14 * 24 * 60 * 60 * 1000;

/** Everything that is wrong with them at the moment `now`. `kubelet`: this node's, where its distribution is known. */
export function credentialFindings(
  facts: CredentialFacts,
  now: Date,
  kubelet?: Kubelet,
): readonly Finding[] {
  const { path, file, refused, user } = facts;
  if ("missing" in file)
    return [
      findingOf(ACCESS, "kubeconfig-missing", { path, problem: file.missing, kubelet }, path),
    ];
  const why = distrust(file);
  if (why === "mode")
    return [findingOf(ACCESS, "kubeconfig-mode", { path, mode: file.mode }, path)];
  if (why === "owner")
    return [findingOf(ACCESS, "kubeconfig-owner", { path, uid: file.uid }, path)];
  if (refused !== undefined)
    return [findingOf(ACCESS, "kubeconfig-unusable", { path, problem: refused }, path)];
  return user === undefined ? [] : userFindings(path, user, { now, kubelet });
}

function userFindings(
  path: string,
  user: UserFacts,
  here: { readonly now: Date; readonly kubelet: Kubelet | undefined },
): readonly Finding[] {
  const { now } = here;
  switch (user.kind) {
    case "certificate": {
      const { file, from, until } = user.certificate;
      const kind = certificateFault(from, until, now);
      if (kind === undefined) return [];
      const date = kind === "clock-implausible" ? from : until;
      return [findingOf(ACCESS, kind, { ...here, path, file, date }, file ?? path)];
    }
    case "token": {
      const { token } = user;
      if (token === undefined || token.until > now) return [];
      const { file, until: date } = token;
      return [findingOf(ACCESS, "token-expired", { ...here, path, file, date }, file ?? path)];
    }
    case "unusable":
      return [findingOf(ACCESS, "kubeconfig-unusable", { path, problem: user.problem }, path)];
    default:
      return [];
  }
}

function certificateFault(from: Date, until: Date, now: Date) {
  if (until <= now) return "certificate-expired";
  if (from > now) return "clock-implausible";
  return until.getTime() - now.getTime() < SOON_MS ? "certificate-expiring" : undefined;
}

/** For the line of the category: `until 2027-01-01`. */
export function credentialSummary({ user }: CredentialFacts): string {
  if (user?.kind === "certificate")
    return `client certificate until ${dayOf(user.certificate.until)}`;
  if (user?.kind === "token" && user.token !== undefined)
    return `token until ${user.token.until.toISOString().slice(0, 16)}Z`;
  return user?.kind ?? "";
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
