/** Pure: which mark the annotations and the configuration of today give to a running pod. */
import type { PluginConf } from "../../conf/types";
import { effectiveDelegate } from "../../delegates/netconf";
import { chooseKnown, chooseRecorded, exemption } from "../attachment/choose-mark";
import {
  annotationOf,
  choiceText,
  type ChosenAnnotation,
  type MarkChoice,
} from "../attachment/facts";
import type { Attachment } from "../attachment/journal";
import { toCniError } from "../cni/error";
import type { PodRef } from "../cni/request";
import { formatMark, sameMark } from "../net/mark";
import type { PodView } from "./ports";

/**
 * keep: as the record has it, or nobody knows better. change: the record is to become `next`. refused: the
 * pod keeps what it has.
 */
export type Decision =
  | { readonly kind: "keep" }
  | {
      readonly kind: "change";
      readonly next: Attachment;
      /** What cannot be changed on a running pod, for people. */
      readonly left: string | undefined;
    }
  | { readonly kind: "refused"; readonly why: string };

const KEEP: Decision = { kind: "keep" };

/** Decides for one complete record, by the same rules as an ADD. */
export function decide(
  conf: PluginConf,
  attachment: Attachment,
  pods: PodView | undefined,
): Decision {
  // Another network may have another configuration.
  if (conf.onAnnotationChange === "ignore" || attachment.key.network !== conf.name) return KEEP;
  try {
    const choice = choiceFor(conf, attachment, pods);
    if (choice === undefined || choice.source === "failed" || isAsRecorded(attachment, choice))
      return KEEP;
    if (choice.mark !== undefined && attachment.addresses.length === 0)
      return {
        kind: "refused",
        why: `it has no address that could be marked ${formatMark(choice.mark)}`,
      };
    return {
      kind: "change",
      next: withChoice(conf, attachment, choice),
      left: leftUnchanged(conf, attachment, choice),
    };
  } catch (thrown) {
    return { kind: "refused", why: toCniError(thrown).message };
  }
}

/** undefined: the annotations that decide are not known. */
function choiceFor(
  conf: PluginConf,
  attachment: Attachment,
  pods: PodView | undefined,
): MarkChoice | undefined {
  const { pod } = attachment;
  const exempt = exemption(conf, pod);
  if (exempt !== undefined) return exempt;
  const known = knownPod(pod, pods);
  if (pod === undefined || known === undefined) return choiceByRecord(conf, attachment);
  const isDecided = conf.annotationKeys.some((name) => Object.hasOwn(known.annotations, name));
  const namespace = isDecided ? {} : pods?.namespace(pod.namespace);
  if (namespace === undefined) return undefined;
  return chooseKnown(conf, pod, { pod: known.annotations, namespace });
}

// Another pod of the same name says nothing of this one.
function knownPod(pod: PodRef | undefined, pods: PodView | undefined): ReturnType<PodView["pod"]> {
  const known = pod === undefined ? undefined : pods?.pod(pod.namespace, pod.name);
  return pod?.uid === undefined || pod.uid === known?.uid ? known : undefined;
}

// Without an API server that is all that is known: it may mean another mark in the conflist of today.
function choiceByRecord(conf: PluginConf, attachment: Attachment): MarkChoice | undefined {
  const annotation = recordedAnnotation(attachment);
  return annotation === undefined ? undefined : chooseRecorded(conf, attachment.pod, annotation);
}

function recordedAnnotation(attachment: Attachment): ChosenAnnotation | undefined {
  const { annotation, mark, tenant, source = "" } = attachment;
  if (mark === undefined) return undefined;
  if (annotation !== undefined || tenant === undefined) return annotation;
  // A record of an older version.
  const [, where, key] = /^(pod|namespace) annotation (\S+)$/.exec(source) ?? [];
  if (key === undefined) return undefined;
  return { key, value: tenant, source: where === "pod" ? "pod" : "namespace" };
}

function isAsRecorded({ mark, tenant }: Attachment, choice: MarkChoice): boolean {
  if (choice.tenant?.name !== tenant) return false;
  if (mark === undefined || choice.mark === undefined) return mark === choice.mark;
  return sameMark(mark, choice.mark);
}

// `backend` stays where there was a mark: DEL looks there.
function withChoice(conf: PluginConf, attachment: Attachment, choice: MarkChoice): Attachment {
  const { mark, tenant: _, annotation: _before, markReplies, backend, ...rest } = attachment;
  const annotation = annotationOf(choice);
  const source = choiceText(choice);
  if (choice.mark === undefined) return { ...rest, source };
  return {
    ...rest,
    source,
    ...(annotation === undefined ? {} : { annotation }),
    mark: choice.mark,
    markReplies: mark === undefined ? conf.markReplies : (markReplies ?? false),
    ...(choice.tenant === undefined ? {} : { tenant: choice.tenant.name }),
    ...(backend === undefined ? {} : { backend }),
  };
}

// Address, MTU and all that the delegate made belong to the pod for as long as it runs.
function leftUnchanged(
  conf: PluginConf,
  { delegate, tenant }: Attachment,
  choice: MarkChoice,
): string | undefined {
  if (conf.delegate === undefined || delegate === undefined || choice.tenant?.name === tenant)
    return undefined;
  const wanted = effectiveDelegate(conf.delegate, choice.tenant?.delegate);
  if (JSON.stringify(wanted) === JSON.stringify(delegate)) return undefined;
  const whose = choice.tenant === undefined ? "the conflist" : `tenant "${choice.tenant.name}"`;
  return `its interface stays as it was made: recreate the pod to give it the delegate settings of ${whose} (address pool, MTU)`;
}
