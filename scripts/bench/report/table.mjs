// Tables in Markdown, which read well in a terminal too.

export function section(title, rows) {
  return `${title}:\n\n${table(rows.map((row) => row.map(String)))}`;
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  const [head, ...body] = rows;
  return [
    line(head),
    `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`,
    ...body.map(line),
  ].join("\n");
}

export function signed(number) {
  return `${number < 0 ? "" : "+"}${number.toFixed(1)}`;
}
