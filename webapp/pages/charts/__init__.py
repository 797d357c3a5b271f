"""Two small drawings in SVG, made here and brought to life by static/js/chart.js: a histogram and a chart of lines."""

from webapp.pages.charts.histograms import Bar, Histogram, Mark, histogram
from webapp.pages.charts.lines import LineChart, Window, line_chart

__all__ = ["Bar", "Histogram", "LineChart", "Mark", "Window", "histogram", "line_chart"]
