"use strict";
(() => {
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const THEME = "benchmark-report-theme";

  // A browser may refuse storage to a file. The choice then lasts until the page is closed.
  function storedTheme() {
    try {
      const theme = localStorage.getItem(THEME);
      return theme === "light" || theme === "dark" ? theme : null;
    } catch {
      return null;
    }
  }

  function storeTheme(theme) {
    try {
      localStorage.setItem(THEME, theme);
    } catch {
      return;
    }
  }

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
  }

  function offerThemes() {
    const button = document.querySelector("button.theme");
    const show = () => button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      storeTheme(root.dataset.theme);
      show();
    });
    systemDark.addEventListener("change", show);
    show();
    button.hidden = false;
  }

  const SCALES = { k: 1e3, M: 1e6, G: 1e9 };

  // The first number in a text such as "99.55 ± 0.05", "−0.12", "1,234.5", "417 k", "74 %" or
  // "99.49–99.61". null if there is none.
  function number(text) {
    const plain = text.replaceAll(",", "").replace("−", "-");
    const match = /^(< )?([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?: ([kMG])\b)?/.exec(plain);
    if (!match) return null;
    const [, below, digits, scale] = match;
    // "< 0.001" sorts before 0.001.
    return Number(digits) * (SCALES[scale] ?? 1) * (below ? 0.5 : 1);
  }

  const words = (text) => (text === "–" || text === "" ? null : text);

  // Missing values come last in both directions.
  function compare(left, right, direction) {
    if (left === null || right === null) return (left === null) - (right === null);
    const order = typeof left === "number" ? left - right : left.localeCompare(right, "en", { numeric: true });
    return direction * order;
  }

  function offerSorting(table) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 2) return;
    const original = [...body.rows];
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      const key = header.classList.contains("number") ? number : words;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const next = { null: "ascending", ascending: "descending", descending: null }[header.getAttribute("aria-sort")];
        headers.forEach((other) => other.removeAttribute("aria-sort"));
        if (next === null) return body.append(...original);
        header.setAttribute("aria-sort", next);
        const keyed = original.map((row) => [key(row.cells[column].textContent.trim()), row]);
        keyed.sort(([left], [right]) => compare(left, right, next === "ascending" ? 1 : -1));
        body.append(...keyed.map(([, row]) => row));
      });
    });
  }

  function offerEnlarging() {
    const images = document.querySelectorAll("figure img");
    if (!images.length) return;
    const dialog = document.createElement("dialog");
    const large = document.createElement("img");
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    dialog.append(close, large);
    dialog.addEventListener("click", () => dialog.close());
    document.body.append(dialog);
    images.forEach((image) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "enlarge";
      button.setAttribute("aria-label", `Enlarge: ${image.alt}`);
      image.replaceWith(button);
      button.append(image);
      button.addEventListener("click", () => {
        large.src = image.src;
        large.alt = image.alt;
        large.style.setProperty("--ratio", image.width / image.height);
        dialog.setAttribute("aria-label", image.alt);
        dialog.showModal();
      });
    });
  }

  // Mark the last section whose start is in the upper third of the window or above.
  function markCurrentSection() {
    const sections = [...document.querySelectorAll("main section")];
    const links = [...document.querySelectorAll("nav a")];
    if (!sections.length) return;
    let marked = null;
    const mark = () => {
      const begun = sections.filter((section) => section.getBoundingClientRect().top < innerHeight / 3);
      const current = links[Math.max(begun.length - 1, 0)];
      if (current === marked) return;
      marked?.removeAttribute("aria-current");
      current.setAttribute("aria-current", "true");
      const strip = current.closest("nav");
      strip.scrollLeft = current.offsetLeft - strip.offsetLeft - 16;
      marked = current;
    };
    addEventListener("scroll", mark, { passive: true });
    mark();
  }

  // Open all details while printing.
  function openDetailsForPrint() {
    let closed = [];
    addEventListener("beforeprint", () => {
      closed = [...document.querySelectorAll("details:not([open])")];
      closed.forEach((details) => (details.open = true));
    });
    addEventListener("afterprint", () => closed.forEach((details) => (details.open = false)));
  }

  // Set the theme before the first paint, so that the page does not flash in the other theme.
  const theme = storedTheme();
  if (theme) root.dataset.theme = theme;

  addEventListener("DOMContentLoaded", () => {
    offerThemes();
    document.querySelectorAll("table").forEach(offerSorting);
    offerEnlarging();
    markCurrentSection();
    openDetailsForPrint();
  });
})();
