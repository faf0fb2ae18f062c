// <trend-chart>: draws the values of the table that stands beside it. The table is the source and the alternative
// for those who do not see the drawing, so that both always agree.

import uPlot from "../vendor/uplot/uPlot.esm.js";

const LOCALE = document.documentElement.lang;

function points(table) {
  const rows = [...table.querySelectorAll("tbody tr")].filter((row) => row.dataset.value !== "").reverse();
  const number = (text) => (text === "" ? null : Number(text));
  const columns = [rows.map((row) => Number(row.dataset.at)), rows.map((row) => number(row.dataset.value))];
  if (rows.some((row) => row.dataset.second !== "")) columns.push(rows.map((row) => number(row.dataset.second)));
  return columns;
}

function day(seconds) {
  return new Date(seconds * 1000).toLocaleDateString("sv-SE");
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("sv-SE", { hour: "2-digit", minute: "2-digit" });
}

// Years, months, days, or the hours of a day, by how far the marks are apart.
function mark(at, step) {
  if (step < 86400) return clock(at) === "00:00" ? day(at).slice(5) : clock(at);
  return day(at).slice(0, step >= 31e6 ? 4 : step >= 26e5 ? 7 : 10);
}

class TrendChart extends HTMLElement {
  connectedCallback() {
    this.setAttribute("aria-hidden", "true");
    this.redraw = () => this.draw();
    document.addEventListener("themechange", this.redraw);
    this.observer = new ResizeObserver(this.redraw);
    this.observer.observe(this);
  }

  disconnectedCallback() {
    document.removeEventListener("themechange", this.redraw);
    this.observer.disconnect();
    this.plot?.destroy();
  }

  colour(token) {
    this.probe ??= this.appendChild(document.createElement("i"));
    this.probe.className = `token-${token}`;
    return getComputedStyle(this.probe).color;
  }

  draw() {
    if (this.clientWidth === 0) return;
    const data = points(this.parentElement.querySelector("table"));
    const ink = this.colour("ink");
    const faint = this.colour("faint");
    const line = this.colour("line");
    const band = this.colour("interval");
    this.plot?.destroy();
    const axis = {
      stroke: faint,
      font: "11px Inter, sans-serif",
      grid: { stroke: line, width: 1 },
      ticks: { show: false },
    };
    const shown = (value) => (value == null ? "" : value.toLocaleString(LOCALE));
    const series = (stroke) => ({
      stroke,
      width: 1.5,
      points: { show: data[0].length < 60, size: 5, fill: stroke },
      value: (_, value) => (value == null ? "–" : `${shown(value)} ${this.dataset.unit}`),
    });
    this.plot = new uPlot(
      {
        width: this.clientWidth,
        height: this.clientHeight,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 8 }, ...(this.dataset.together && { sync: { key: this.dataset.together } }) },
        ...(this.dataset.from && { scales: { x: { range: [Number(this.dataset.from), Number(this.dataset.to)] } } }),
        axes: [
          { ...axis, values: (plot, splits, _axis, _space, step) => splits.map((at) => mark(at, step)), space: 70 },
          { ...axis, values: (_, splits) => splits.map(shown), size: 44 },
        ],
        series: [{}, series(ink), ...(data.length > 2 ? [series(faint)] : [])],
        hooks: {
          drawClear: [(plot) => this.drawInterval(plot, band)],
          setCursor: [(plot) => this.tell(plot)],
        },
      },
      data,
      this,
    );
  }

  drawInterval(plot, colour) {
    const { low, high } = this.dataset;
    if (low === "" && high === "") return;
    const { left, top, width, height } = plot.bbox;
    const place = (text, otherwise) =>
      text === "" ? otherwise : Math.min(Math.max(plot.valToPos(Number(text), "y", true), top), top + height);
    const upper = place(high, top);
    const lower = place(low, top + height);
    plot.ctx.fillStyle = colour;
    plot.ctx.fillRect(left, upper, width, lower - upper);
  }

  tell(plot) {
    this.label ??= this.appendChild(Object.assign(document.createElement("output"), { className: "trend-label" }));
    const at = plot.cursor.idx;
    const values = at == null ? [] : plot.data.slice(1).map((column) => column[at]);
    const text = values.filter((value) => value != null).map((value) => value.toLocaleString(LOCALE)).join("/");
    this.label.textContent = text === "" ? "" : `${day(plot.data[0][at])} ${this.dataset.together ? clock(plot.data[0][at]) : ""} ${text} ${this.dataset.unit}`;
  }
}

customElements.define("trend-chart", TrendChart);
