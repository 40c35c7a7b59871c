(function () {
  'use strict';
  // All of this is for comfort: the page says everything without it.
  document.querySelectorAll('.again').forEach(function (row) {
    var button = row.querySelector('button');
    if (!button || !navigator.clipboard) { return; }
    button.hidden = false;
    button.addEventListener('click', function () {
      navigator.clipboard.writeText(row.querySelector('code').textContent.trim());
      button.textContent = '✓';
    });
  });
  document.querySelectorAll('.chart .plot').forEach(function (plot) {
    var cross = plot.querySelector('.cross');
    if (!cross) { return; }
    plot.addEventListener('pointermove', function (event) {
      var x = event.clientX - plot.getBoundingClientRect().left;
      cross.setAttribute('transform', 'translate(' + Math.round(x) + ' 0)');
      cross.style.display = 'inline';
    });
    plot.addEventListener('pointerleave', function () { cross.style.display = 'none'; });
  });
  document.querySelectorAll('input[data-filters]').forEach(function (input) {
    var lines = document.getElementById(input.dataset.filters).querySelectorAll('li');
    input.hidden = false;
    input.addEventListener('input', function () {
      var wanted = input.value.toLowerCase();
      lines.forEach(function (line) { line.hidden = !line.textContent.toLowerCase().includes(wanted); });
    });
  });
}());
