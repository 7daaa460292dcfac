// Every visible text whose contrast to what lies behind it is below 4.5 to 1 (WCAG 2.1, 1.4.3).
() => {
  const channel = (one) => (one / 255 <= 0.03928 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4);
  const light = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).slice(0, 3).map((one) => channel(Number(one)));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let up = element; up; up = up.parentElement) {
      const color = getComputedStyle(up).backgroundColor;
      if (/^rgb\(/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.querySelectorAll("main *, header *, .banner *")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim())
    && !element.closest("svg") && !element.disabled && element.getClientRects().length);
  const ratio = (element) => {
    const [high, low] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  return texts.filter((element) => ratio(element) < 4.5)
    .map((element) => `${element.tagName}.${element.className} ${element.textContent.slice(0, 30)}: ${ratio(element).toFixed(2)}`);
}
