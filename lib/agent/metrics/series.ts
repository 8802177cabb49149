/** Pure: every series with its type, labels and help. docs/metrics.md says the same for people. */

export type SeriesType = "counter" | "gauge" | "histogram";

export interface Series {
  readonly type: SeriesType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** Seconds. An ADD through the agent takes a few hundredths; a runtime gives up after minutes. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const QUEUE_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30];
const LAG_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

export const SERIES = {
  tenant_routing_requests_total: counter(
    "Requests that have ended, by their CNI verb and outcome: ok, or the error's code.",
    "verb",
    "outcome",
  ),
  tenant_routing_request_duration_seconds: histogram(
    "Time from the launcher's connection until it has its answer.",
    REQUEST_BUCKETS,
    "verb",
  ),
  tenant_routing_request_queue_duration_seconds: histogram(
    "Time that requests waited for their turn.",
    QUEUE_BUCKETS,
  ),
  tenant_routing_requests_active: gauge("Requests that are being worked on."),
  tenant_routing_queue_length: gauge("Requests that wait for their turn."),
  tenant_routing_cache_age_seconds: gauge(
    "Time since the API server's last sign of life on the watch of this resource.",
    "resource",
  ),
  tenant_routing_cache_synced: gauge(
    "1: the annotations of this node's pods are known from the API server; 0: not yet.",
  ),
  tenant_routing_api_requests_total: counter(
    "Requests to the API server, by resource, method and HTTP status or errno.",
    "resource",
    "method",
    "code",
  ),
  tenant_routing_marks_wanted: gauge("Attachments that are to have a mark."),
  tenant_routing_marks_installed: gauge(
    "Attachments whose mark was in force at the last comparison.",
    "backend",
  ),
  tenant_routing_repairs_total: counter("What was missing or wrong and was restored.", "kind"),
  tenant_routing_refused_annotations: gauge(
    "Running pods whose annotation is refused; they keep the mark they had.",
  ),
  tenant_routing_tenant_packets_total: counter("Packets that got the tenant's mark.", "tenant"),
  tenant_routing_tenant_bytes_total: counter(
    "Bytes of the packets that got the tenant's mark.",
    "tenant",
  ),
  tenant_routing_leaked_packets_total: counter(
    "Packets of the tenant that the guard dropped. no_mark: they lacked its mark, those of pods being deleted included; default_route: they had it and would have left by the node's default route.",
    "tenant",
    "reason",
  ),
  tenant_routing_gateway_up: gauge("1: the gateway answers; 0: it is lost.", "tenant", "gateway"),
  tenant_routing_failovers_total: counter(
    "Times that the tenant's packets were moved to another gateway.",
    "tenant",
  ),
  tenant_routing_findings: gauge(
    "What wrapper status would name, by code and severity, at the last look.",
    "code",
    "severity",
  ),
  tenant_routing_findings_age_seconds: gauge("Time since the last look at the node."),
  tenant_routing_source_errors_total: counter(
    "Times that figures could not be read, by the series' source; they keep their last values.",
    "source",
  ),
  tenant_routing_ready: gauge("1: pods can get their marks; 0: /readyz says why not."),
  tenant_routing_build_info: gauge("Always 1; the labels say which build.", "version", "commit"),
  tenant_routing_event_loop_lag_seconds: histogram(
    "How late the agent was at its own appointments, five a second.",
    LAG_BUCKETS,
  ),
  process_cpu_user_seconds_total: counter("Processor time in user mode."),
  process_cpu_system_seconds_total: counter("Processor time in the kernel."),
  process_cpu_seconds_total: counter("Processor time."),
  process_resident_memory_bytes: gauge("Resident memory."),
  process_start_time_seconds: gauge("Start of the process, in seconds since 1970."),
  process_open_fds: gauge("Open file descriptors."),
  process_max_fds: gauge("File descriptors that may be open at most."),
  nodejs_heap_size_total_bytes: gauge("Size of the JavaScript heap."),
  nodejs_heap_size_used_bytes: gauge("Of that, what is used."),
} as const satisfies Readonly<Record<string, Series>>;

export type SeriesName = keyof typeof SERIES;

function counter(help: string, ...labels: readonly string[]): Series {
  return { type: "counter", help, labels };
}

function gauge(help: string, ...labels: readonly string[]): Series {
  return { type: "gauge", help, labels };
}

function histogram(help: string, buckets: readonly number[], ...labels: readonly string[]): Series {
  return { type: "histogram", help, labels, buckets };
}
