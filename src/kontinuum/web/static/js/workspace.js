// The workspace's behaviour in the browser. Every page works without it; with it, it works faster.

import { startSearch } from "./search.js";
import { startTheme } from "./theme.js";
import { startTrends } from "./trends.js";
import { startCopying } from "./copying.js";
import { startMenus } from "./menus.js";
import { startLock } from "./lock.js";
import { startWriting } from "./writing.js";
import { startBeside } from "./beside.js";
import { startLetters } from "./letters.js";
import { startKeys } from "./keys.js";
import { startInbox } from "./inbox.js";
import { startRail } from "./rail.js";
import { startCodes } from "./codes.js";
import { startFlowsheet } from "./flowsheet.js";
import { startStudio } from "./studio.js";
import { startSorting } from "./sorting.js";
import { startFeedback } from "./feedback.js";
import { startTimeline } from "./timeline.js";

startTheme();
startSearch();
startMenus();
startCopying();
startTrends();
startLock();
startWriting();
startBeside();
startLetters();
startKeys();
startInbox();
startRail();
startCodes();
startFlowsheet();
startStudio();
startSorting();
startFeedback();
startTimeline();
