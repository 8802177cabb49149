/** The alerts and the dashboard of manifests/, as data. */
import { parse } from "yaml";
import { read } from "./pages";

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly query: string | { readonly query: string } }[];
  };
}

const { groups } = parse(read("manifests/prometheus-rules.yaml")) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
export const RULES = groups.flatMap((group) => group.rules);

const dashboard = JSON.parse(read("manifests/grafana-dashboard.json")) as Dashboard;
export const PANELS = dashboard.panels;
/** Queries of the dashboard's variables. */
export const VARIABLES = dashboard.templating.list.flatMap(({ query }) =>
  typeof query === "string" ? [] : [query.query],
);
