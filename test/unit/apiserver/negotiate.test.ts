import { negotiate } from "../../apiserver/negotiate";

const partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const metadata = { kind: "metadata", apiVersion: "meta.k8s.io/v1", isList: false };
const full = { kind: "full" };

test.each([
  [undefined, full],
  ["", full],
  ["*/*", full],
  ["application/*", full],
  ["application/json", full],
  [partial, metadata],
  [partial.replace("Metadata", "MetadataList"), { ...metadata, isList: true }],
  [partial.replaceAll(";", "; "), metadata],
  [partial.replace("v=v1", "v=v1beta1"), { ...metadata, apiVersion: "meta.k8s.io/v1beta1" }],
  [`${partial},application/json`, metadata],
  [`application/json,${partial}`, full],
  [`application/json;q=0.5,${partial}`, metadata],
  ["application/json;as=Table;v=v1;g=meta.k8s.io,application/json", full],
  ["application/vnd.kubernetes.protobuf, application/json", full],
  ["application/json;as=Table;v=v1;g=meta.k8s.io", undefined],
  [partial.replace("v=v1", "v=v2"), undefined],
  [partial.replace("meta.k8s.io", "example.org"), undefined],
  ["application/yaml", undefined],
  ["text/html", undefined],
  ["application/json;q=0", undefined],
])("Accept: %s", (accept, expected) => {
  expect(negotiate(accept)).toEqual(expected);
});
