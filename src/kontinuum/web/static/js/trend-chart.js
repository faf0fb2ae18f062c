// <trend-chart>: draws the values of the table that stands beside it. The table is the source and the alternative
// for those who do not see the drawing, so that both always agree. With `data-by="age"` it is drawn by days of age,
// in front of the curves of `data-curves`: what is expected at some ages.

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

// Several columns by what is below them, so that values and curves share an axis.
function joined(data, curves) {
  return curves ? uPlot.join([data, [curves.x, ...curves.lines.map((line) => line.y)]]) : data;
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
    const byAge = this.dataset.by === "age";
    const curves = this.dataset.curves && JSON.parse(this.dataset.curves);
    const values = points(this.parentElement.querySelector("table"));
    const data = joined(values, curves);
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
      width: byAge ? 2 : 1.5,
      spanGaps: byAge,
      points: { show: values[0].length < 60, size: 5, fill: stroke },
      value: (_, value) => (value == null ? "–" : `${shown(value)} ${this.dataset.unit}`),
    });
    const curve = (line) => ({
      stroke: faint,
      width: line.sd === 0 ? 1.25 : 0.75,
      dash: line.sd % 2 === 0 ? [] : [3, 4],
      pxAlign: 0,
      spanGaps: true,
      points: { show: false },
    });
    this.plot = new uPlot(
      {
        width: this.clientWidth,
        height: this.clientHeight,
        padding: [8, curves ? 24 : 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 8 }, ...(this.dataset.together && { sync: { key: this.dataset.together } }) },
        ...(this.dataset.from && {
          scales: { x: { time: !byAge, range: [Number(this.dataset.from), Number(this.dataset.to)] } },
        }),
        axes: [
          byAge
            ? { ...axis, splits: () => this.birthdays(), values: (_, splits) => splits.map((at) => this.age(at)) }
            : { ...axis, values: (plot, splits, _axis, _space, step) => splits.map((at) => mark(at, step)), space: 70 },
          { ...axis, values: (_, splits) => splits.map(shown), size: 44 },
        ],
        series: [{}, series(ink), ...(values.length > 2 ? [series(faint)] : []), ...(curves ? curves.lines.map(curve) : [])],
        hooks: {
          drawClear: [(plot) => this.drawInterval(plot, band)],
          draw: [(plot) => this.nameCurves(plot, curves, faint)],
          setCursor: [(plot) => this.tell(plot, values)],
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

  // Where the axis is marked, in days of age: at birthdays, or at months while these are few.
  birthdays() {
    const year = 365.25;
    const to = Number(this.dataset.to);
    const step = to > 8 * year ? 2 * year : to > 3 * year ? year : to > 1.5 * year ? year / 4 : year / 12;
    return Array.from({ length: Math.floor(to / step) + 1 }, (_, index) => index * step);
  }

  age(days) {
    const months = Math.round(days / (365.25 / 12));
    return months % 12 === 0 ? `${months / 12} ${this.dataset.year}` : `${months} ${this.dataset.month}`;
  }

  nameCurves(plot, curves, colour) {
    if (!curves) return;
    plot.ctx.fillStyle = colour;
    plot.ctx.font = `${Math.round(10 * devicePixelRatio)}px Inter, sans-serif`;
    plot.ctx.textBaseline = "middle";
    plot.ctx.textAlign = "left";
    const at = plot.valToPos(Math.min(curves.x.at(-1), Number(this.dataset.to)), "x", true) + 4 * devicePixelRatio;
    for (const { sd, y } of curves.lines.filter((line) => line.sd % 2 === 0)) {
      plot.ctx.fillText(sd > 0 ? `+${sd}` : String(sd).replace("-", "\u2212"), at, plot.valToPos(y.at(-1), "y", true));
    }
  }

  tell(plot, drawn) {
    this.label ??= this.appendChild(Object.assign(document.createElement("output"), { className: "trend-label" }));
    const at = plot.cursor.idx;
    const values = at == null ? [] : plot.data.slice(1, drawn.length).map((column) => column[at]);
    const text = values.filter((value) => value != null).map((value) => value.toLocaleString(LOCALE)).join("/");
    this.label.textContent = text === "" ? "" : `${this.when(plot.data[0][at])} ${text} ${this.dataset.unit}`;
  }

  when(at) {
    if (this.dataset.by === "age") return this.parentElement.querySelector(`tr[data-at="${at}"]`)?.dataset.told ?? "";
    return `${day(at)} ${this.dataset.together ? clock(at) : ""}`;
  }
}

customElements.define("trend-chart", TrendChart);
