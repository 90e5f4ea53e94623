# ruff: noqa: E501, RUF001 - word lists and patterns read best as they are
"""How people misspell English: our own lists of well-known misspellings and homophones, and the keyboard's neighbours."""

from __future__ import annotations

__all__ = ["HOMOPHONES", "MISSPELLINGS", "NEIGHBOURS", "misspelt_forms"]

_LIST = """
about:abuot,baout absence:absense,abscence acceptable:acceptible accidentally:accidently accommodate:accomodate,acommodate
accommodation:accomodation accomplish:acomplish account:acount accurate:acurate,accurrate achieve:acheive achievement:acheivement
acknowledge:aknowledge acquire:aquire across:accross actually:actualy,acutally additional:aditional,addtional address:adress,addres
advertisement:advertisment advice:advise again:agian against:aganist,agianst aggressive:agressive agreement:agreemnt all:al
allowed:alowed already:allready,alredy also:aslo although:altough,allthough always:alwasy,allways amateur:amature among:amoung
amount:ammount,amuont analysis:anaylsis,analisys analyze:analize annual:anual answer:anwser,aswer anxiety:anxeity any:nay
anyone:anyoen apparent:apparant appearance:appearence application:aplication,applicaiton appreciate:appriciate,apreciate
approach:aproach approximately:approximatly are:aer argument:arguement around:arround,aroud article:artical assignment:assigment
assistant:assistent assistance:assistence attendance:attendence attention:attenion audience:audiance available:availible,avaliable
average:avarage awesome:awsome awful:awfull background:backgroud balance:balence basically:basicly,basicaly beautiful:beautifull,beatiful
because:becuase,becasue,beacuse become:becoem been:bene before:befoer,befor beginner:begginer,beginer beginning:begining
behavior:behavoir being:bieng belief:beleif believe:beleive,belive benefit:benifit,benefitt between:betwen,bewteen
budget:bugdet,buget business:buisness,bussiness but:btu calculate:caluclate calendar:calender,calandar called:caleld campaign:campain
cannot:cannott career:carrer,carreer careful:carefull category:catagory caught:cuaght challenge:challange change:chnage,chagne
character:charachter,caracter cheap:chepa children:childern choose:chose,chooce client:cleint collect:colect college:collage,colledge
comment:coment committed:commited committee:comittee,commitee common:comon communicate:comunicate communication:comunication
community:comunity company:comapny,compnay compare:comapre comparison:comparision competition:compitition complete:compelte,complet
completely:completly,completley complicated:complicted concept:conecpt concern:concren conclusion:conclution confident:confidant
confused:confuesd connection:conection conscience:concience conscious:concious consensus:concensus consider:consdier
consistent:consistant contain:contian content:contnet continue:contineu,continoue control:controll convenient:convenient,convinient
conversation:converstaion,conversaton cool:coool could:cuold,coudl couple:coupel course:coures,corse cover:coevr create:craete,creat
creative:creativ criticism:critisism curious:curios current:curent,currnet currently:currenlty,curently customer:cusotmer,costumer
data:dtaa database:databse date:daet daughter:daugther day:dya deadline:dealine,deadlien decide:decied decision:decison,descision
definite:definate definitely:definately,definitly,defiantly definition:defintion delete:delte deliver:delivier dependent:dependant
describe:discribe,decribe description:discription,descripton design:desgin desperate:desparate detail:detial,deatil detailed:detialed
determine:determin develop:develope,devlop development:developement,devlopment did:di different:diffrent,differnt difference:diffrence
difficult:dificult,diffcult dilemma:dilema dinner:diner direction:direciton disappear:dissapear,disapear disappoint:dissapoint
discipline:disipline discuss:discus discussion:discusion disease:desease document:documnet,docment does:dose doing:donig
early:eraly easily:easly easy:esay education:eduction,educaiton effect:efect effective:efective efficient:efficent,eficient
effort:efort eighth:eigth either:eihter eliminate:elimnate email:emial,eamil embarrass:embarass embarrassed:embarassed
emergency:emergancy emphasis:emphesis employee:employe enough:enoguh,enought entire:entrie entrepreneur:entrepeneur,enterpreneur
environment:enviroment,enviornment equipment:equiptment equivalent:equivelant error:eror especially:especialy,expecially essay:esay
essential:essencial estimate:estmate even:evne event:evnet eventually:eventualy every:evrey,evry everyone:everone everything:everthing
exactly:exaclty,excatly exaggerate:exagerate example:exmaple,examle excellent:excelent,exellent except:exept excited:exicted
exercise:excercise,exersise existence:existance expect:expcet expense:expence expensive:expencive experience:experiance,expereince
experiment:experment explain:explian,expain explanation:explaination,explination extremely:extremly,extreamly familiar:familar
family:famliy fascinating:facinating favorite:favorit,favourate feature:feauture,featuer february:febuary feedback:feedbak
few:fwe finally:finaly,fianlly financial:finacial find:fidn first:frist fix:fxi focus:focuss following:folowing,follwing
for:fro,ofr foreign:foriegn,foreing form:fomr format:formt,foramt forty:fourty forward:foward four:fuor fourth:forth
free:fere freelance:freelace friend:freind,frend from:form,fomr function:funciton,fucntion fundamental:fundemental
further:futher future:futrue garden:gardne general:genral,gernal generally:generaly,genrally generate:genreate,generat
getting:geting give:giev going:giong good:godo goodbye:goodby government:goverment,govenment grammar:grammer grateful:greatful
great:graet group:gruop guarantee:garantee,guarentee guess:geuss guest:geust guidance:guidence guide:giude,gudie happen:hapen,happne
happened:happend,hapened have:ahve,hvae having:haveing,havign health:helath healthy:healty height:heigth,hieght help:hlep,hepl
helpful:helpfull,hepful her:hre here:heer hierarchy:heirarchy high:hihg history:histroy holiday:holliday home:hoem hope:hoep
house:huose how:hwo however:howver,hwoever humorous:humourous hundred:hunderd hygiene:hygeine idea:iedа,diea ideas:idaes
identify:indentify ignorance:ignorence image:imgae imagine:imagin immediate:imediate immediately:immediatly,immediatley
implement:implment,impliment important:importent,improtant impression:impresion improve:imporve,improv improvement:improvment
include:inlcude,inclued including:inlcuding,includeing increase:incease,increse independent:independant individual:indivdual
information:infromation,informaton,imformation ingredient:ingrediant ingredients:ingrediants input:inptu inside:insdie
instead:insted,intead install:instal instruction:instuction intelligence:inteligence interest:intrest interested:intrested
interesting:intresting,intersting internet:internt interrupt:interupt interview:interveiw,inteview introduction:introducion
invest:ivnest investment:invesment irrelevant:irrelevent issue:isue,isssue issues:isssues its:it's jewelry:jewelery job:jbo
journey:journy judgment:judgement just:jsut,juts keep:kepe kitchen:kitchn knew:knwe know:konw,knwo knowledge:knowlege,knowlegde
language:langauge,languge large:lareg last:lsat later:laetr laugh:luagh lead:laed learn:laern,lern learning:learing,leanring
least:lesat leave:leav lecture:lectrue leisure:liesure length:lenght,lenth lesson:leson letter:leter level:leevl liaison:liason
library:libary license:lisence,liscense life:lief light:ligth like:liek,lkie likely:likley limit:limti list:lsit listen:lisen
little:litle,littel location:loaction long:logn look:loook,lok looking:lookign lose:loose lot:lto machine:machien made:amde
main:mian maintain:mantain maintenance:maintainence,maintenence make:maek,mkae making:makeing,makign manage:manege
management:managment,managemnet manager:manger many:mnay market:makret marketing:marketting,marekting maybe:mabye,maby
meaning:meanign medicine:medecine medieval:medival meeting:meetign,meating member:memeber memory:memroy mention:metion
message:mesage,messgae method:mehtod millennium:millenium minute:minuet,minite mischievous:mischievious mispell:misspel mistake:mistaek
model:modle money:moeny,mony month:monht more:mroe morning:mornign,moring mortgage:morgage most:msot move:moev movie:moive
much:mcuh music:musci must:msut name:naem natural:natrual,naturel necessary:neccessary,necesary,neccesary need:nede,ned
negative:negitive neighbor:nieghbor neighbour:nieghbour never:nevr next:nxet nice:ncie niece:neice night:nihgt ninety:ninty
normal:noraml not:nto noticeable:noticable nothing:nothign number:numer,nubmer obstacle:obsticle obvious:obvius obviously:obviosly,obviusly
occasion:ocassion,occassion occasionally:occasionaly occur:ocur occurred:occured occurrence:occurence,occurance off:of offer:ofer
office:offcie official:offical often:offen,otfen once:oncce online:onlien only:olny,onyl open:opne operate:opperate opinion:opinon,oppinion
opportunity:oppurtunity,oportunity opposite:oposite option:optoin options:optiosn order:oder organization:orginization,organiztion
organize:orgnaize original:orignal,orginal other:ohter,otehr outline:outlien output:ouptut overview:overveiw own:onw page:paeg
paid:payed paragraph:paragaph,pargraph parallel:paralell,parrallel part:prat particular:particuler particularly:particulary
party:partey password:pasword past:psat patience:patiance people:poeple,peopel,pepole perfect:perfct perform:preform
performance:performence,perfomance perhaps:perhpas permanent:permenant persistent:persistant person:preson personal:personel,perosnal
personality:personallity persuade:pursuade phone:phoen physical:phsyical,phisical picture:pitcure piece:peice place:palce
plan:paln please:plese,pleae,plaese point:piont policy:polciy popular:populer portfolio:porfolio position:positon possession:posession,possesion
possible:possble,posible potential:potental power:pwoer practical:pratical practice:practise,pratice prefer:preffer
preferred:prefered preparation:preperation prepare:perpare,prepair presence:presense present:presnet presentation:presentaion,presenation
pretty:prety,pertty previous:previuos,previos price:prcie principle:principal privilege:priviledge,privelege probably:probaly,probly,prolly
problem:probelm,porblem,problme problems:probelms procedure:proceedure process:porcess,proccess produce:prodcue product:prodcut
professional:proffesional,profesional,professionnal professor:proffessor profile:profle program:progam,porgram project:porject,projcet
promise:promiss pronunciation:pronounciation proposal:propsal,proposel protein:protien proud:pround provide:provdie,proivde
psychology:phsycology,pyschology public:pubilc publicly:publically purchase:puchase purpose:porpose,prupose pursue:persue put:ptu
quality:qualtiy,quailty quarter:quater question:qestion,quesiton,questoin questions:quesitons questionnaire:questionaire queue:que
quick:qucik,quik quickly:quicky,qickly quiet:queit,quite quite:quiet read:raed ready:reday really:realy,relly,raelly reason:reasn,resaon
receipt:reciept receive:recieve received:recieved recent:recnet recently:recenlty recipe:recepie,receipe recipes:recepies
recognize:reconize,recognise recommend:reccomend,recomend,recommand recommendation:reccomendation,recomendation recommendations:reccomendations
reference:refrence,referance referred:refered regular:reguler relationship:relatonship,realtionship relax:realx release:relase relevant:relevent,revelant
religious:religous remember:remeber,rember reminder:remider remove:remvoe rent:retn repetition:repitition replace:repalce report:reprot,reoprt
request:reqeust require:requrie,reqire required:requried research:reserach,reasearch resource:resourse,resorce resources:resourses
response:responce,reponse responsible:responsable responsibility:responsability rest:rset restaurant:restaraunt,resturant result:reslut,resutl
results:resluts resume:resumé,reusme return:retrun review:reveiw,reivew rhyme:ryhme rhythm:rythm,rythym right:rigth,rihgt routine:rutine,routien
safety:saftey salary:salery sample:smaple save:svae say:asy schedule:scheduel,shedule,schedual school:shcool,scool science:sceince,sience
scientific:scientfic search:serach,seach second:secodn secretary:secratary section:secton,secion see:se seem:seme seize:sieze sentence:sentance,sentece
separate:seperate separately:seperately sequence:sequnce sergeant:sargent series:seires serious:seriuos,serios seriously:seriosly service:serivce
session:sesion several:serveral,sevral short:shrot should:shoud,shuold,shoudl show:hsow similar:similiar,simmilar simple:simpel,smiple
simply:simpy since:sicne sincerely:sincerly site:stie situation:situaton,sitution skill:skil skills:skils small:samll social:soical
software:sofware,softwear solution:soluton,soltuion some:soem someone:someoen something:somthing,soemthing sometimes:somtimes,sometiems
soon:sonn sort:srot source:soruce speak:spaek special:speical specific:spesific,specifc,pacific specifically:specificaly speech:speach
spend:spned sport:sprot staff:staf standard:standart,standerd start:satrt,strat started:strated statement:statment state:sate step:setp
steps:stpes still:stil stop:sotp store:stroe story:stroy straight:strait strange:stragne strategy:stratagy,stragety strength:strenght,strenth
stress:sterss strong:storng structure:struture,sturcture student:studnet,studetn students:studnets study:stuyd studying:studing style:sytle stuff:stuf
subject:subjct substitute:subsitute subtle:suttle succeed:suceed success:sucess,succes successful:succesful,sucessful,successfull such:shuch sufficient:sufficent
suggest:sugest,suggets suggestion:sugestion,suggesion suggestions:sugestions summarize:sumarize,summerize summary:sumary,summery summer:sumemr
supersede:supercede support:suport,supprot supposed:suposed,suppose sure:suer,shure surgery:sugery surprise:suprise,surprize survey:survery
system:sytem,sysetm table:talbe take:taek talk:tlak task:taks teach:taech teacher:teahcer team:tema technical:techincal technique:techinque,tecnique
technology:techonology,tehcnology temperature:temperture,tempature temporary:temporery tendency:tendancy test:tset text:tetx than:then thank:thnak
thanks:thanx,thnaks that:taht,tath the:teh,hte their:thier,there them:tehm themselves:themselfs then:tehn,than theory:thoery there:thier,tehre
therefore:therefor these:theese,thsee they:tehy thing:thign things:thigns think:thikn,htink third:thrid this:tihs,htis thorough:through,thourough
those:thsoe though:tho,thuogh thought:thougth,thuoght thousand:thousnad three:threee through:thru,throught,thorugh throughout:throughtout time:tiem
tips:tisp title:titel today:tody,tdoay together:togehter,togather tomorrow:tommorow,tomorow,tommorrow tongue:tounge tonight:tonite too:to took:tok
tool:tol tools:tolls topic:tpoic,topci total:toatl tough:tuff toward:towrad tragedy:tradgedy training:trainning,traning transfer:transfere
translate:translte,tranlsate travel:travle,tarvel treat:treta tried:tryed tries:trys trouble:trobule,truble truly:truely try:tyr trying:tring,tyring turn:trun
tutorial:tutoral twelfth:twelth type:tpye typical:typcial unfortunately:unfortunatly,unfortunatley unique:uniqe university:univeristy,univercity
unnecessary:unneccessary,unecessary until:untill,unitl unusual:unusal update:updaet use:sue used:uesd useful:usefull,usful user:suer using:useing,usign
usually:usally,usualy vacation:vacaton,vaccation vacuum:vaccuum,vaccum valuable:valuble value:vaule various:varius vegetable:vegtable vegetables:vegtables
vehicle:vehical version:verison very:vrey,vary view:veiw village:villiage visible:visable visit:vist voice:vocie want:wnat,watn was:wsa watch:wacth
water:watre way:wya weather:wether,whether wednesday:wensday,wedensday week:wekk weekend:weeked,weekedn weight:wieght weird:wierd welcome:wellcome,welcom
well:wel were:wree what:waht,wat when:wehn where:wehre,were whether:wether,weather which:wich,whcih while:whiel whole:hole why:wyh will:wil with:wiht,iwth
within:withing without:withuot,wihtout woman:women word:wrod words:wrods work:wrok,owrk working:workign,wokring world:wrold worry:wory would:woudl,wuold
write:wirte,wriet,rite writing:writting,wrting written:writen,writtn wrong:worng yesterday:yesturday,yeserday yield:yeild you:yuo,yoou young:yuong your:yuor,youre
"""
_PAIRS = (
    "their:there there:their your:you're you're:your its:it's then:than than:then affect:effect effect:affect lose:loose loose:lose "
    "to:too too:to weather:whether whether:weather accept:except principal:principle principle:principal advice:advise advise:advice "
    "quiet:quite quite:quiet passed:past break:brake hear:here here:hear write:right right:write wear:where "
    "buy:by by:buy peace:piece piece:peace plain:plane week:weak weak:week whole:hole would:wood threw:through through:threw "
    "complement:compliment stationary:stationery desert:dessert dessert:desert breath:breathe breathe:breath choose:chose "
    "were:where where:were sight:site site:sight role:roll roll:role allowed:aloud course:coarse bored:board"
)
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _table(text: str) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for entry in text.split():
        word, forms = entry.split(":")
        kept = tuple(form for form in forms.split(",") if form != word and form.isascii() and "'" not in form)
        if kept:
            table[word] = kept
    return table


def _neighbours() -> dict[str, str]:
    """Keys next to each key on a QWERTY keyboard; rows are offset by about half a key."""
    near: dict[str, str] = {}
    for row, keys in enumerate(_KEYS):
        for column, key in enumerate(keys):
            found = [keys[i] for i in (column - 1, column + 1) if 0 <= i < len(keys)]
            for other, shift in ((row - 1, 0), (row - 1, 1), (row + 1, -1), (row + 1, 0)):
                at = column + shift
                if 0 <= other < len(_KEYS) and 0 <= at < len(_KEYS[other]):
                    found.append(_KEYS[other][at])
            near[key] = "".join(found)
    return near


MISSPELLINGS = _table(_LIST)
"""Word to the ways in which people are known to misspell it, the commoner first."""
HOMOPHONES = _table(_PAIRS)
"""Word to the word it is mistaken for."""
NEIGHBOURS = _neighbours()
"""Letter to the letters beside it."""


def misspelt_forms() -> dict[str, str]:
    """Known wrong form to the word that was meant, real words left out."""
    words = set(MISSPELLINGS) | set(HOMOPHONES)
    return {form: word for word, forms in MISSPELLINGS.items() for form in forms if form not in words}
