// Small helps; every page works without them.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
document.getElementById("zone")?.replaceChildren(`point at a time for ${zone}`);
for (const time of document.querySelectorAll("time")) {
  time.title = `${new Date(time.dateTime).toLocaleString()} ${zone}`;
}

for (const copier of document.querySelectorAll(".copier")) {
  copier.hidden = false;
  copier.addEventListener("click", async () => {
    await navigator.clipboard.writeText(copier.previousElementSibling.textContent);
    copier.textContent = "Copied";
  });
}

// A question that takes long says so, and can be cancelled.
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    for (const input of form.querySelectorAll("input, select, textarea")) input.disabled = !input.value;
    setTimeout(() => {
      for (const input of form.elements) input.disabled = false;
    });
    const working = document.createElement("p");
    working.className = "working";
    working.setAttribute("role", "status");
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.textContent = "Cancel";
    cancel.addEventListener("click", () => {
      window.stop();
      working.remove();
    });
    working.append("Working… ", cancel);
    document.body.append(working);
  });
}
window.addEventListener("pageshow", () => document.querySelector(".working")?.remove());

// The chart: point at it, or focus it and use the arrow keys.
const chart = document.querySelector("main svg.chart");
const reading = document.getElementById("reading");
if (chart && reading) {
  const bars = [...chart.querySelectorAll(".bar")];
  let chosen = -1;
  const choose = (number) => {
    bars[chosen]?.classList.remove("chosen");
    chosen = Math.max(0, Math.min(bars.length - 1, number));
    bars[chosen]?.classList.add("chosen");
    reading.textContent = bars[chosen]?.querySelector("title").textContent ?? "";
  };
  chart.setAttribute("tabindex", "0");
  chart.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: chosen - 1, ArrowRight: chosen + 1, Home: 0, End: bars.length - 1, PageUp: chosen - 10, PageDown: chosen + 10 };
    if (event.key in moves) {
      event.preventDefault();
      choose(moves[event.key]);
    }
  });
  chart.addEventListener("pointermove", (event) => {
    const x = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse()).x;
    const after = bars.findIndex((bar) => Number(bar.dataset.x) > x);
    choose(after < 0 ? bars.length - 1 : after - 1);
  });
}
