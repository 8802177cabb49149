/** What a browser is asked about colours: JavaScript for Page.evaluate. */

/** Behind everything. */
export const GROUND = "getComputedStyle(document.body).backgroundColor";
/** What has less contrast to the ground behind it than WCAG 2 asks for (AA: 4.5). */
export const CONTRAST = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const lightness = (colour) => {
    const [r, g, b] = channels(colour).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const rect = at instanceof SVGGElement ? at.querySelector(":scope > rect") : null;
      const colour = rect ? getComputedStyle(rect).fill : getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  const texts = "svg text, h1, h2, .badge, .text, .code, .consequence, .command, time, .kind, .what, #verdict, #live, #looked, dt, dd, footer p";
  return [...document.querySelectorAll(texts)].filter((each) => each.textContent !== "").flatMap((element) => {
    const style = getComputedStyle(element);
    const [one, two] = [element instanceof SVGElement ? style.fill : style.color, groundOf(element)].map(lightness);
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    return ratio >= 4.5 ? [] : [element.getAttribute("class") + " " + element.textContent.slice(0, 20) + " " + ratio.toFixed(2)];
  });
})()`;
